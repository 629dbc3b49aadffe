//! Writes and rewrites GGUF files (the specification in the repository `ggml-org/ggml`, version 3).

use std::path::Path;

/// A value of the metadata.
pub(crate) enum Meta {
    Number(u32),
    Real(f32),
    Flag(bool),
    Text(String),
    Texts(Vec<String>),
    Reals(Vec<f32>),
    Integers(Vec<i32>),
}

/// A matrix or a vector of 32-bit numbers, in rows of `shape[0]`.
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// How the numbers of a file that is rewritten are stored, by the code of their type.
fn decode(code: u32, bytes: &[u8], count: usize) -> Vec<f32> {
    let of_half = |two: &[u8]| single(u16::from_le_bytes([two[0], two[1]]));
    let blocks = |size: usize| bytes[..count / BLOCK * size].chunks(size);
    match code {
        0 => bytes[..4 * count]
            .chunks(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        1 => bytes[..2 * count].chunks(2).map(of_half).collect(),
        // Q4_1: the scale, the lowest number, and 32 of four bits.
        3 => blocks(20)
            .flat_map(|block| {
                let (scale, least) = (of_half(block), of_half(&block[2..]));
                let (low, high) =
                    (block[4..].iter().map(|b| b & 15), block[4..].iter().map(|b| b >> 4));
                low.chain(high).map(move |n| scale * f32::from(n) + least).collect::<Vec<_>>()
            })
            .collect(),
        // Q8_0: the scale, and 32 of eight bits.
        8 => blocks(34)
            .flat_map(|block| {
                let scale = of_half(block);
                let whole = block[2..].iter().map(|b| f32::from(i8::from_le_bytes([*b])));
                whole.map(move |n| scale * n).collect::<Vec<_>>()
            })
            .collect(),
        other => panic!("type {other}"),
    }
}

/// How numbers are written.
#[derive(Clone, Copy)]
enum Stored {
    F32,
    Q5,
}

/// Tensors begin at multiples of this number of bytes.
const ALIGNMENT: usize = 32;

/// The numbers of a block of a quantized type.
const BLOCK: usize = 32;

impl Stored {
    fn code(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::Q5 => 6,
        }
    }

    fn encode(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Q5 => values.chunks(BLOCK).flat_map(block).collect(),
        }
    }
}

/// A block of Q5_0: the scale, the fifth bits, and the lower four of 32 whole numbers from 0 to 31, which stand for -16 to
/// 15.
fn block(values: &[f32]) -> Vec<u8> {
    let larger = |most: f32, value: &f32| if value.abs() > most.abs() { *value } else { most };
    let scale = values.iter().fold(0.0_f32, larger) / -16.0;
    let whole =
        |value: f32| if scale == 0.0 { 16 } else { ((value / scale + 16.5) as u32).min(31) };
    let (mut fifth, mut low) = (0_u32, Vec::new());
    for n in 0..BLOCK / 2 {
        let (one, other) = (whole(values[n]), whole(values[n + BLOCK / 2]));
        low.push((one & 15 | (other & 15) << 4) as u8);
        fifth |= (one >> 4) << n | (other >> 4) << (n + BLOCK / 2);
    }
    half(scale).to_le_bytes().into_iter().chain(fifth.to_le_bytes()).chain(low).collect()
}

/// The 16-bit number next to a normal 32-bit one, towards zero; smaller ones become 0.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let exponent = ((bits >> 23) & 0xff) as i32 - 112;
    if exponent <= 0 {
        return sign;
    }
    // Rounded: a carry goes on into the exponent, as it should.
    sign | (((exponent as u32) << 10 | (bits & 0x7f_ffff) >> 13) + (bits >> 12 & 1)) as u16
}

/// The 32-bit number of a normal 16-bit one.
fn single(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff) / 1024.0);
    match exponent {
        0 => sign * fraction * 2.0_f32.powi(-14),
        _ => sign * (1.0 + fraction) * 2.0_f32.powi(exponent - 15),
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn list<T>(out: &mut Vec<u8>, kind: u32, all: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.extend(9_u32.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend((all.len() as u64).to_le_bytes());
    all.iter().for_each(|one| write(out, one));
}

fn meta(out: &mut Vec<u8>, value: &Meta) {
    let mut plain = |kind: u32, bytes: &[u8]| {
        out.extend(kind.to_le_bytes());
        out.extend(bytes);
    };
    match value {
        Meta::Number(number) => plain(4, &number.to_le_bytes()),
        Meta::Real(number) => plain(6, &number.to_le_bytes()),
        Meta::Flag(flag) => plain(7, &[u8::from(*flag)]),
        Meta::Text(words) => {
            plain(8, &[]);
            text(out, words);
        }
        Meta::Texts(all) => list(out, 8, all, |out, one| text(out, one)),
        Meta::Reals(all) => list(out, 6, all, |out, one| out.extend(one.to_le_bytes())),
        Meta::Integers(all) => list(out, 5, all, |out, one| out.extend(one.to_le_bytes())),
    }
}

/// Writes a file with tensors in F32.
pub(crate) fn write(path: &Path, keys: &[(&str, Meta)], tensors: &[Tensor]) {
    let mut head = Vec::new();
    for (key, value) in keys {
        text(&mut head, key);
        meta(&mut head, value);
    }
    let all: Vec<_> = tensors.iter().map(|tensor| (tensor, Stored::F32)).collect();
    write_with(path, keys.len(), &head, &all);
}

/// Writes a file: its keys as bytes, and tensors.
fn write_with(path: &Path, keys: usize, head: &[u8], tensors: &[(&Tensor, Stored)]) {
    let mut out = b"GGUF".to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((keys as u64).to_le_bytes());
    out.extend(head);
    let mut data: Vec<u8> = Vec::new();
    for (tensor, stored) in tensors {
        text(&mut out, &tensor.name);
        out.extend((tensor.shape.len() as u32).to_le_bytes());
        tensor.shape.iter().for_each(|size| out.extend((*size as u64).to_le_bytes()));
        out.extend(stored.code().to_le_bytes());
        out.extend((data.len() as u64).to_le_bytes());
        data.extend(stored.encode(&tensor.values));
        data.resize(data.len().next_multiple_of(ALIGNMENT), 0);
    }
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
    out.extend(data);
    std::fs::write(path, out).unwrap();
}

/// A file that is read from its start.
struct Reader<'f> {
    bytes: &'f [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.at += N;
        self.bytes[self.at - N..self.at].try_into().unwrap()
    }

    fn small(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn large(&mut self) -> usize {
        u64::from_le_bytes(self.take()) as usize
    }

    fn text(&mut self) -> String {
        let length = self.large();
        self.at += length;
        String::from_utf8(self.bytes[self.at - length..self.at].to_vec()).unwrap()
    }

    fn skip(&mut self, kind: u32) {
        match kind {
            8 => drop(self.text()),
            9 => {
                let (kind, count) = (self.small(), self.large());
                (0..count).for_each(|_| self.skip(kind));
            }
            0 | 1 | 7 => self.at += 1,
            2 | 3 => self.at += 2,
            4..=6 => self.at += 4,
            _ => self.at += 8,
        }
    }
}

/// Writes the same model with its matrices in Q5_0: a type that llama.cpp evaluates in the same way on every CPU.
pub(crate) fn quantized(file: &[u8], path: &Path) {
    let mut reader = Reader { bytes: file, at: 8 };
    let (tensors, keys) = (reader.large(), reader.large());
    let start = reader.at;
    for _ in 0..keys {
        reader.text();
        let kind = reader.small();
        reader.skip(kind);
    }
    let head = &file[start..reader.at];
    let info = |reader: &mut Reader<'_>| {
        let name = reader.text();
        let dimensions = reader.small();
        let shape: Vec<usize> = (0..dimensions).map(|_| reader.large()).collect();
        (name, shape, reader.small(), reader.large())
    };
    let infos: Vec<_> = (0..tensors).map(|_| info(&mut reader)).collect();
    let data = reader.at.next_multiple_of(ALIGNMENT);
    let tensor = |(name, shape, code, offset): (String, Vec<usize>, u32, usize)| {
        let count = shape.iter().product();
        let values = decode(code, &file[data + offset..], count);
        Tensor { name, shape, values }
    };
    let all: Vec<Tensor> = infos.into_iter().map(tensor).collect();
    let stored = |tensor: &Tensor| if tensor.shape.len() > 1 { Stored::Q5 } else { Stored::F32 };
    let all: Vec<_> = all.iter().map(|tensor| (tensor, stored(tensor))).collect();
    write_with(path, keys, head, &all);
}
