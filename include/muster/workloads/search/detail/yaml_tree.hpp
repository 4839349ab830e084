#pragma once

#include <algorithm>      // count_if, min
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <optional>       // what is wrong with a text
#include <sstream>        // what yaml-cpp reads from
#include <string>         // texts
#include <string_view>    // text
#include <utility>        // move
#include <vector>         // nodes

#include <yaml-cpp/eventhandler.h>    // EventHandler
#include <yaml-cpp/exceptions.h>      // what does not parse
#include <yaml-cpp/mark.h>            // places
#include <yaml-cpp/parser.h>          // Parser

#include <muster/core/json.hpp>    // json_text, utf8_length

namespace muster::searching::detail {

// A place in a text, from 1; a column counts bytes.
struct text_place {
    std::size_t line = 1;
    std::size_t column = 1;
    friend bool operator==(text_place const&, text_place const&) = default;
};

// The first bytes of a text, but no part of a character.
inline std::string_view cut(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    auto end = most;
    while (end > 0 && most - end < 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

// Text from outside in a message: quoted, and cut.
inline std::string in_quotes(std::string_view text) {
    auto const shown = cut(text, 64);
    if (shown.size() == text.size()) return json_text(text);
    return json_text(shown) + "... (" + std::to_string(text.size()) + " bytes)";
}

enum class yaml_kind : std::uint8_t { none, scalar, list, mapping, alias };

struct yaml_node {
    yaml_kind kind = yaml_kind::none;    // none: nothing is written, or ~ or null
    bool quoted = false;                 // a scalar in quotes, or as a block: text, whatever it reads like
    text_place at{};
    std::size_t next = 0;                // the index behind it and all that is in it
    std::string text{};                  // of a scalar
};

struct yaml_flaw {
    text_place at{};
    std::string text{};
};

// A document as nodes in the order of the text: a list is followed by its items, a mapping by key, value, key, value.
//
// Not yaml-cpp's own tree, because that one forgets which keys came twice, follows aliases, and is as deep as whoever wrote the
// text likes. Aliases stay what they are, so that a text is never larger than it looks.
class yaml_tree {
public:
    static constexpr std::size_t most_depth = 16;           // rules need 5
    static constexpr std::size_t most_nodes = 250'000;
    static constexpr std::size_t most_marks = 400'000;      // brackets, braces and commas: yaml-cpp keeps 250 bytes for each till a line ends

    // The document of a text, or what keeps it from being one. No document: a tree of one node, of kind none.
    static std::optional<yaml_flaw> read(std::string_view text, yaml_tree& into);

    [[nodiscard]] yaml_node const& operator[](std::size_t i) const { return nodes_[i]; }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }

    // item(index) for each item of a list.
    template <class Body>
    void each_item(std::size_t list, Body&& item) const {
        for (auto i = list + 1; i < nodes_[list].next; i = nodes_[i].next) item(i);
    }
    // pair(index of the key, index of the value) for each of a mapping.
    template <class Body>
    void each_pair(std::size_t mapping, Body&& pair) const {
        for (auto key = mapping + 1; key < nodes_[mapping].next;) {
            auto const value = nodes_[key].next;
            pair(key, value);
            key = nodes_[value].next;
        }
    }

private:
    class builder;
    std::vector<yaml_node> nodes_;
};

// Implementation

class yaml_tree::builder final : public YAML::EventHandler {
public:
    explicit builder(std::vector<yaml_node>& into) : nodes_(into) {}

    void OnDocumentStart(YAML::Mark const& at) override {
        if (documents_++ != 0) throw yaml_flaw{place(at), "a second document starts here, and a file of rules is one"};
    }
    void OnDocumentEnd() override {}
    void OnNull(YAML::Mark const& at, YAML::anchor_t) override { add(at, yaml_kind::none); }
    void OnAlias(YAML::Mark const& at, YAML::anchor_t) override { add(at, yaml_kind::alias); }
    void OnScalar(YAML::Mark const& at, std::string const& tag, YAML::anchor_t, std::string const& text) override {
        auto& node = add(at, yaml_kind::scalar);
        node.quoted = tag != "?";
        node.text = text;
        if (tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:str") refuse_tag(at, tag);
    }
    void OnSequenceStart(YAML::Mark const& at, std::string const& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
        open(at, tag, yaml_kind::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(YAML::Mark const& at, std::string const& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
        open(at, tag, yaml_kind::mapping);
    }
    void OnMapEnd() override { close(); }

    static text_place place(YAML::Mark const& at) {
        if (at.is_null()) return {};
        return {static_cast<std::size_t>(at.line) + 1, static_cast<std::size_t>(at.column) + 1};
    }

private:
    yaml_node& add(YAML::Mark const& at, yaml_kind kind) {
        if (nodes_.size() >= most_nodes)
            throw yaml_flaw{place(at), "more than " + std::to_string(most_nodes) + " values are in one file from here on"};
        nodes_.push_back({.kind = kind, .at = place(at), .next = nodes_.size() + 1});
        return nodes_.back();
    }
    void open(YAML::Mark const& at, std::string const& tag, yaml_kind kind) {
        if (!tag.empty() && tag != "?" && tag != "!") refuse_tag(at, tag);
        // Thrown before yaml-cpp goes one call deeper: a text of brackets alone uses up no stack.
        if (open_.size() >= most_depth)
            throw yaml_flaw{place(at), "values are nested deeper than " + std::to_string(most_depth) + " levels from here on"};
        open_.push_back(nodes_.size());
        add(at, kind);
    }
    void close() {
        nodes_[open_.back()].next = nodes_.size();
        open_.pop_back();
    }
    [[noreturn]] static void refuse_tag(YAML::Mark const& at, std::string const& tag) {
        throw yaml_flaw{place(at), "the tag " + in_quotes(tag) + " has no meaning in rules"};
    }

    std::vector<yaml_node>& nodes_;
    std::vector<std::size_t> open_;
    std::size_t documents_ = 0;
};

// What yaml-cpp would take for something else: it replaces what is no UTF-8, and guesses UTF-16 from zero bytes.
inline std::optional<yaml_flaw> no_yaml_text(std::string_view text) {
    text_place at;
    for (std::size_t i = 0, bad = 0; i < text.size();) {
        auto const byte = static_cast<unsigned char>(text[i]);
        if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f) {
            constexpr char digits[] = "0123456789abcdef";
            return yaml_flaw{at, std::string{"the byte 0x"} + digits[byte >> 4] + digits[byte & 15] + " is in no text: this is no file of rules, or one in UTF-16"};
        }
        auto const length = muster::detail::utf8_length(text, i, bad);
        if (length == 0) return yaml_flaw{at, "this is not UTF-8"};
        i += length;
        if (byte == '\n') at = {at.line + 1, 1};
        else at.column += length;
    }
    auto const marks = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == ']' || c == '{' || c == '}' || c == ','; });
    if (static_cast<std::size_t>(marks) > yaml_tree::most_marks)
        return yaml_flaw{{}, "more than " + std::to_string(yaml_tree::most_marks) + " brackets, braces and commas are in one file"};
    return std::nullopt;
}

// What yaml-cpp throws, told so that it leads to the place: that can be behind the end of the text, and nothing is said of tabs.
inline yaml_flaw told(YAML::Exception const& flaw, text_place at, std::string_view text) {
    auto line = text;
    for (std::size_t i = 1; i < at.line; ++i) {
        auto const end = line.find('\n');
        if (end == line.npos) {
            at.line = i;
            at.column = line.size() + 1;
            break;
        }
        line.remove_prefix(end + 1);
    }
    line = line.substr(0, line.find('\n'));
    at.column = std::min(at.column, line.size() + 1);
    auto const indented = line.substr(0, line.find_first_not_of(" \t"));
    return {at, "this is no YAML: " + std::string{cut(flaw.msg, 200)} +
                    (indented.find('\t') == indented.npos ? "" : " (the line is indented by a tab, for which YAML takes blanks alone)")};
}

inline std::optional<yaml_flaw> yaml_tree::read(std::string_view text, yaml_tree& into) {
    into.nodes_.clear();
    constexpr std::string_view mark = "\xef\xbb\xbf";
    if (text.starts_with(mark)) text.remove_prefix(mark.size());
    if (auto flaw = no_yaml_text(text)) return flaw;
    try {
        std::istringstream from{std::string{text}};
        YAML::Parser parser{from};
        builder to{into.nodes_};
        while (parser.HandleNextDocument(to)) {}
    } catch (yaml_flaw& flaw) {
        return std::move(flaw);
    } catch (YAML::Exception const& flaw) {
        return told(flaw, builder::place(flaw.mark), text);
    }
    // Of nothing yaml-cpp says where the next thing stands.
    for (std::size_t i = 0; i < into.nodes_.size(); ++i)
        if (into.nodes_[i].kind == yaml_kind::mapping)
            into.each_pair(i, [&](std::size_t key, std::size_t value) {
                if (into.nodes_[value].kind == yaml_kind::none) into.nodes_[value].at = into.nodes_[key].at;
            });
    if (into.nodes_.empty()) into.nodes_.push_back({.next = 1});
    return std::nullopt;
}

}  // namespace muster::searching::detail
