# For a machine that reaches no Conan remote: the libraries are those of Debian 12.
[settings]
os=Linux
arch={{ detect_api.detect_arch() }}
compiler=gcc
compiler.version=12
compiler.libcxx=libstdc++11
compiler.cppstd=20
build_type=Release

[platform_requires]
fmt/9.1.0
spdlog/1.10.0
onetbb/2021.8.0
openssl/3.0.19
sqlite3/3.40.1

[conf]
tools.cmake.cmaketoolchain:generator=Ninja
