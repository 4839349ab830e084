"""muster as a Conan package: headers only, so one package serves every compiler and every choice of options."""
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

required_conan_version = ">=2"

# As in cmake/components.cmake: for each component beside core what it uses; then, where it needs a library: the library for
# Conan, and its package and target for CMake.
COMPONENTS = {
    "fmt": (["core"], "fmt/[>=9 <13]", "fmt", "fmt::fmt"),
    "spdlog": (["core"], "spdlog/[>=1.10 <2]", "spdlog", "spdlog::spdlog"),
    "tbb": (["core"], "onetbb/[>=2021.5]", "TBB", "TBB::tbb"),
    "redis": (["core"], "hiredis/[>=1.0 <2]", "hiredis", "hiredis::hiredis"),
    "openssl": (["core"], "openssl/[>=3 <4]", "OpenSSL", "OpenSSL::Crypto"),
    "sodium": (["core"], "libsodium/[>=1.0.18]", "libsodium", "libsodium::libsodium"),
    "pcre2": (["core"], "pcre2/[>=10.40 <11]", "PCRE2", "PCRE2::pcre2-8"),
    "hyperscan": (["core"], "hyperscan/[>=5.4 <6]", "Hyperscan", "Hyperscan::hs"),
    "re2": (["core"], "re2/[>=20220601]", "re2", "re2::re2"),
    "curl": (["core"], "libcurl/[>=7.87 <9]", "CURL", "CURL::libcurl"),
    "sqlite": (["core"], "sqlite3/[>=3.37 <4]", "SQLite3", "SQLite::SQLite3"),
    "json": (["core"], "nlohmann_json/[>=3.11 <4]", "nlohmann_json", "nlohmann_json::nlohmann_json"),
    "json_schema": (["json", "pcre2"], "valijson/[>=1.0 <2]", "valijson", "ValiJSON::valijson"),
    "xml": (["core"], "expat/[>=2.5 <3]", "EXPAT", "EXPAT::EXPAT"),
    "xml_path": (["xml"], "pugixml/[>=1.13 <2]", "pugixml", "pugixml::pugixml"),
    "fibers": (["core"], "boost/[>=1.74 <2]", "boost_context", "Boost::context"),
    "bgp": (["core"],),
    "hash": (["core", "openssl"], "xxhash/[>=0.8 <1]", "xxHash", "xxHash::xxhash"),
    "jwt": (["core", "openssl", "sodium"],),
    "workbook": (["core"], "libxlsxwriter/[>=1.1.4 <2]", "libxlsxwriter", "libxlsxwriter::libxlsxwriter"),
    "search": (["core", "pcre2"], "yaml-cpp/[>=0.7 <1]", "yaml-cpp", "yaml-cpp::yaml-cpp"),
    "search_hyperscan": (["search", "hyperscan"],),
    "search_re2": (["search", "re2"],),
    "llm": (["curl", "json_schema", "openssl", "sqlite", "xml"],),
}


class Muster(ConanFile):
    name = "muster"
    description = "Parallel batches of work, policies composed by operator|"
    license = "BSL-1.0"
    topics = ("parallel", "policy", "pipeline", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {name: [True, False] for name in COMPONENTS}
    # These are asked for by name: a system may have their libraries without a CMake package, so that only Conan's are sure to be
    # found; jwt and search use such. Conan's Hyperscan is for x86-64 alone.
    default_options = {
        name: name not in
        ("redis", "hash", "sodium", "jwt", "pcre2", "hyperscan", "re2", "curl", "fibers", "json", "json_schema", "search", "search_hyperscan",
         "search_re2", "workbook", "xml", "xml_path", "llm")
        for name in COMPONENTS
    }
    exports_sources = "include/*", "LICENSE"
    no_copy_source = True

    def set_version(self):
        text = load(self, f"{self.recipe_folder}/CMakeLists.txt")
        self.version = re.search(r"project\(muster VERSION ([\d.]+)", text)[1]

    def layout(self):
        basic_layout(self)

    def configure(self):
        for name, (uses, *_) in COMPONENTS.items():     # what is asked for brings what it uses
            if self.options.get_safe(name):
                for used in uses:
                    if used in COMPONENTS:
                        setattr(self.options, used, True)

    def requirements(self):
        for name, (_, *library) in COMPONENTS.items():
            if library and self.options.get_safe(name):
                self.requires(library[0], transitive_headers=True, transitive_libs=True)

    def validate(self):
        check_min_cppstd(self, 20)

    def package_id(self):
        self.info.clear()

    def package(self):
        copy(self, "*.hpp", f"{self.source_folder}/include", f"{self.package_folder}/include")
        copy(self, "LICENSE", self.source_folder, f"{self.package_folder}/licenses")

    def package_info(self):
        self.cpp_info.bindirs, self.cpp_info.libdirs = [], []
        core = self.cpp_info.components["core"]
        core.set_property("cmake_target_name", "muster::core")
        core.system_libs = ["pthread"] if self.settings.os == "Linux" else []
        from_system = []
        for name, (uses, *library) in COMPONENTS.items():
            if not self.options.get_safe(name):
                continue
            component = self.cpp_info.components[name]
            component.set_property("cmake_target_name", f"muster::{name}")
            component.requires = list(uses)
            if library:
                reference, package, target = library
                of_conan = reference.split("/")[0]
                if of_conan in self.dependencies.host:      # leaves out platform requirements
                    component.requires.append(f"{of_conan}::{of_conan}")
                else:      # of the platform: Conan has nothing to say about it, CMake finds it
                    from_system.append(package)
                    component.set_property("cmake_extra_interface_libs", [target])
        self.cpp_info.set_property("cmake_extra_dependencies", from_system)
        for component in self.cpp_info.components.values():
            component.bindirs, component.libdirs = [], []
