// A folder that is gone when the test is over.
#pragma once

#include <cerrno>          // errno
#include <cstdlib>         // mkdtemp
#include <filesystem>      // remove_all
#include <fstream>         // whole files
#include <iterator>        // istreambuf_iterator
#include <string>          // paths
#include <string_view>     // contents
#include <system_error>    // error_code

class temporary_folder {
public:
    temporary_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "muster-test-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::system_error{errno, std::system_category(), "mkdtemp"};
        path_ = name;
    }
    temporary_folder(temporary_folder const&) = delete;
    temporary_folder& operator=(temporary_folder const&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string operator/(std::string_view name) const { return path_ + '/' + std::string{name}; }
    std::string const& path() const { return path_; }

    /// Writes a file, with the folders above it.
    std::string put(std::string_view name, std::string_view bytes) const {
        auto const file = *this / name;
        std::filesystem::create_directories(std::filesystem::path{file}.parent_path());
        std::ofstream{file, std::ios::binary} << bytes;
        return file;
    }
    static std::string read(std::string const& path) {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    std::size_t count() const {
        std::size_t files = 0;
        for (auto const& entry : std::filesystem::recursive_directory_iterator{path_}) files += entry.is_regular_file();
        return files;
    }

private:
    std::string path_;
};
