# llama.cpp's helpers (`common`: chat templates, JSON schemas as grammars, downloads) are compiled without optimization:
# nothing of them runs for each token, and optimizing them takes a minute and a half of processor time.
# CMake reads this file at every `project(…)`; the targets exist at the end of their folders.
function(tribunal_plain_helpers)
    foreach(helper llama-common cpp-httplib)
        if(TARGET ${helper} AND NOT MSVC)
            target_compile_options(${helper} PRIVATE -O0)
        endif()
    endforeach()
endfunction()
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.19)
    cmake_language(DEFER CALL tribunal_plain_helpers)
endif()
