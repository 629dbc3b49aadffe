//! Prices of tokens: a table of list prices, and a layer that adds the cost to answers.

use std::sync::LazyLock;

use async_trait::async_trait;

use super::{Backend, Layer};
use crate::{
    completion::{Completion, Price},
    error::{Error, ErrorKind, Result},
    request::Request,
};

/// Public list prices by provider and model; the first lines of the file give their date and sources.
const LIST: &str = include_str!("prices.csv");

/// Prices of models by name, per million tokens.
///
/// ```
/// use tribunal::backend::Prices;
///
/// let price = Prices::list().of("openai/gpt-5-mini").unwrap();
/// assert_eq!((price.prompt, price.completion), (0.25, 2.0));
/// assert!(Prices::list().of("openai/a-model-of-mine").is_none()); // unknown, which is not free
/// let own = Prices::parse("provider,model,prompt,cached,completion\nopenai,a-model-of-mine,1,,4")?;
/// assert_eq!(own.of("openai/a-model-of-mine").unwrap().completion, 4.0);
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Prices(Vec<PriceRow>);

#[derive(Clone, Debug)]
struct PriceRow {
    provider: String,
    model: String,
    price: Price,
}

impl Prices {
    /// The list prices of this version, in US dollars. Prices change and contracts differ: a price in
    /// `[model.NAME]` or a custom table takes precedence.
    pub fn list() -> &'static Self {
        // A test reads every line of the table.
        static PARSED: LazyLock<Prices> = LazyLock::new(|| Prices::parse(LIST).unwrap_or_default());
        &PARSED
    }

    /// Reads a table with a line `provider,model,prompt,cached,completion` for each model. Prices are per
    /// million tokens; an empty `cached` means the price of other prompt tokens. Lines that begin with `#`
    /// are comments.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: a line is not of this form; the error names it.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let rows = lines.filter(|(_, line)| {
            !line.is_empty() && !line.starts_with('#') && !line.starts_with("provider,")
        });
        rows.map(|(number, line)| row(line).ok_or_else(|| malformed(number, line)))
            .collect::<Result<Vec<_>>>()
            .map(Self)
    }

    /// The price of a model by the name it is opened with, such as `openai/gpt-5-mini`. A dated version that
    /// is not listed (`gpt-5-mini-2025-08-07`) has the price of its name without the date.
    ///
    /// If a model occurs twice, the later line counts. `None` if no line fits; the same model at another
    /// provider has a different price.
    pub fn of(&self, name: &str) -> Option<Price> {
        let (provider, model) = name.split_once(['/', ':'])?;
        let find = |model: &str| {
            let mut rows = self.0.iter().rev();
            rows.find(|row| row.provider == provider && row.model == model).map(|row| row.price)
        };
        find(model).or_else(|| find(undated(model)?))
    }

    /// The same table, with `other` for models that it does not list.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        self.0.splice(0..0, other.0.iter().cloned());
        self
    }
}

/// One line of the table.
fn row(line: &str) -> Option<PriceRow> {
    let mut fields = line.split(',').map(str::trim);
    let (provider, model) = (fields.next()?, fields.next()?);
    let mut number = || {
        let field = fields.next()?;
        let price = if field.is_empty() { None } else { Some(field.parse::<f64>().ok()?) };
        price.is_none_or(|price| price.is_finite() && price >= 0.0).then_some(price)
    };
    let (prompt, cached, completion) = (number()??, number()?, number()??);
    let is_whole = !provider.is_empty() && !model.is_empty() && fields.next().is_none();
    let price = Price { prompt, cached, completion };
    is_whole.then(|| PriceRow { provider: provider.into(), model: model.into(), price })
}

fn malformed(number: usize, line: &str) -> Error {
    let message = format!("line {number} is not a price: `{}`", line.escape_debug());
    Error::new(ErrorKind::Config, message)
        .hint("a line is `provider,model,prompt,cached,completion`, prices for a million tokens")
}

/// The name without the date at its end: `-2025-08-07` or `-20250807`.
fn undated(model: &str) -> Option<&str> {
    let is_date = |text: &str| {
        text.starts_with("20") && text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    for length in [11, 9] {
        let (name, date) = model.split_at_checked(model.len().checked_sub(length)?)?;
        if date.starts_with('-') && is_date(&date.replace('-', "")) {
            return Some(name);
        }
    }
    None
}

/// Adds the cost to the answers of a backend.
///
/// The cost of an answer is the one that its server reports, otherwise the price times the reported tokens.
/// If neither is known, the cost is unknown: `None`, never 0.
///
/// # Order
/// Below a cache, so that a cached answer keeps the cost from when it was paid for.
///
/// # Errors
/// Those of the wrapped backend.
#[derive(Debug)]
pub struct Priced<B> {
    inner: B,
    price: Price,
}

impl<B: Backend> Priced<B> {
    /// Adds the cost to the answers of `inner`.
    pub fn new(inner: B, price: Price) -> Self {
        Self { inner, price }
    }
}

#[async_trait]
impl<B: Backend> Layer for Priced<B> {
    fn below(&self) -> &dyn Backend {
        &self.inner
    }

    fn tokens_price(&self) -> Option<Price> {
        Some(self.price)
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        let completion = self.inner.complete(request).await?;
        let of_tokens = || self.price.of(completion.usage.into());
        let cost = completion.cost.or_else(of_tokens);
        Ok(Completion { cost, ..completion })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backend::from_fn, completion::Usage};

    #[test]
    fn every_line_of_the_list_is_a_price() {
        let prices = Prices::parse(LIST).unwrap();
        assert!(prices.0.len() > 80);
        for row in &prices.0 {
            let Price { prompt, cached, completion } = row.price;
            assert!(prompt > 0.0 && completion >= prompt, "{row:?}");
            assert!(cached.is_none_or(|cached| cached < prompt), "{row:?}");
        }
    }

    #[test]
    fn a_model_is_found_by_its_name_with_or_without_a_date() {
        let of = |name: &str| Prices::list().of(name).map(|price| price.prompt);
        assert_eq!(of("openai/gpt-4o"), Some(2.5));
        assert_eq!(of("openai/gpt-4o-2024-08-06"), Some(2.5));
        assert_eq!(of("openai/gpt-4o-2024-05-13"), Some(5.0));
        assert_eq!(of("anthropic/claude-haiku-4-5-20251001"), Some(1.0));
        for unknown in
            ["openai/gpt-4o-mine", "vllm/gpt-4o", "gpt-4o", "openai/", "openai/é-20250101é"]
        {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_own_table_comes_first_and_a_wrong_line_is_named() {
        let own = Prices::parse("# mine\nopenai,gpt-4o,1,0.5,2\n\nvllm,q,0,,0").unwrap();
        let all = own.or(Prices::list());
        let of = |name: &str| all.of(name).map(|price| price.prompt);
        assert_eq!(
            (of("openai/gpt-4o"), of("openai/gpt-5"), of("vllm/q")),
            (Some(1.0), Some(1.25), Some(0.0))
        );
        for wrong in ["a,b,1,2", "a,b,,1,2", "a,b,1,,-2", "a,b,1,,2,3", ",b,1,,2", "a,b,1,,inf"] {
            let error = Prices::parse(&format!("provider,x\n{wrong}")).unwrap_err();
            assert!(error.to_string().contains("line 2"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_costs_what_its_server_says_else_what_its_tokens_cost() {
        let price = Price { prompt: 1.0, cached: None, completion: 10.0 };
        for (usage, said, cost) in [
            (Usage::new(1000, 100), None, Some(0.002)),
            (Usage::new(1000, 100), Some(0.5), Some(0.5)),
            (Usage::default(), None, None),
        ] {
            let model = from_fn("m", move |_: Request| async move {
                Ok(Completion { cost: said, ..Completion::text("x").usage(usage) })
            });
            let priced = Priced::new(model, price);
            assert_eq!(priced.price(), Some(price));
            let answer = priced.complete(&Request::generate(Vec::new())).await.unwrap();
            assert_eq!(answer.cost, cost);
        }
    }
}
