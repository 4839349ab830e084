#pragma once

// One pass over a document through Expat: checks what it is bounded by, copies nodes out, remembers ids. It is one class, for all of it
// hangs on the place in the tree that the parser has come to.

#include <algorithm>        // find, min
#include <array>            // first bytes
#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <cstring>          // memcpy
#include <memory>           // unique_ptr
#include <new>              // bad_alloc
#include <optional>         // what comes next
#include <string>           // text
#include <string_view>      // names
#include <unordered_set>    // names, refs
#include <utility>          // exchange, move
#include <vector>           // open elements

#include <expat.h>    // XML_Parser

#include <muster/core/bytes.hpp>                            // KiB, MiB
#include <muster/core/json.hpp>                             // json_text
#include <muster/core/outcome.hpp>                          // outcome
#include <muster/workloads/formats/detail/xml_encoding.hpp> // is_windows_1252, put_ascii
#include <muster/workloads/formats/detail/xml_names.hpp>    // is_reference, put_escaped
#include <muster/workloads/formats/xml_document.hpp>        // document
#include <muster/workloads/formats/xml_id_index.hpp>        // id_index
#include <muster/workloads/formats/xml_limits.hpp>          // limits
#include <muster/workloads/formats/xml_node.hpp>            // node
#include <muster/workloads/formats/xml_split_rule.hpp>      // split_rule

namespace muster::xml::detail {

// What Expat makes of a name: "uri|local|prefix", where | is a character that no document can hold.
struct name_parts {
    static constexpr char separator = '\x01';

    std::string_view local;
    std::string_view prefix;

    explicit name_parts(std::string_view all) noexcept : local(all) {
        auto const first = all.find(separator);
        if (first == all.npos) return;
        local = all.substr(first + 1);
        auto const second = local.find(separator);
        if (second == local.npos) return;
        prefix = local.substr(second + 1);
        local = local.substr(0, second);
    }
    [[nodiscard]] std::size_t size() const noexcept { return local.size() + prefix.size() + !prefix.empty(); }
    void put(std::string& to) const {
        if (!prefix.empty()) to.append(prefix) += ':';
        to.append(local);
    }
};

// Bytes between two places of a document, or all of it, with more around them: what a part of a document needs to be read alone.
struct scan_range {
    std::uint64_t begin = 0;
    std::uint64_t end = ~std::uint64_t{0};
    std::string before{};       // in the encoding of the document
    std::string behind{};
    std::string encoding{};     // empty: as the document says
};

class scan {
public:
    // plain: local names without prefixes and declarations, for those who look for elements by their names alone.
    scan(document from, split_rule rule, limits by, scan_range range = {}, bool plain = false);
    scan(scan const&) = delete;
    scan& operator=(scan const&) = delete;

    // A node, or why one of them or all of the rest is missing; none at the end.
    std::optional<outcome<node>> next();

    [[nodiscard]] bool is_complete() const noexcept { return complete_; }
    [[nodiscard]] std::uint64_t elements() const noexcept { return elements_; }
    [[nodiscard]] std::uint64_t nodes() const noexcept { return nodes_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return read_; }
    [[nodiscard]] id_index const& ids() const noexcept { return ids_; }
    [[nodiscard]] id_index take_ids() noexcept { return std::move(ids_); }

private:
    static constexpr std::size_t block = 64 * KiB;
    static constexpr std::size_t most_scope_bytes = 8 * MiB;
    static constexpr std::size_t longest_id = 256;

    struct element {
        std::string name{};      // local
        std::string prefix{};
        std::string id{};
        bool sure_id = false;
        bool has_child = false;
        bool tag_open = false;   // in a node: the > of its start tag is not yet written
        bool collects = false;   // its text is wanted, for it may be an id or refer to some
        std::uint64_t begin = 0;
        std::uint64_t line = 0;
        std::uint32_t scope = 0; // around it
        std::size_t bindings = 0;
    };
    struct binding {
        std::string prefix;
        std::string uri;
        std::size_t depth;
    };
    struct release {
        void operator()(XML_Parser parser) const noexcept { XML_ParserFree(parser); }
    };

    // Of the parser.
    static void XMLCALL start_of(void* self, char const* name, char const** attributes) { on(self, [&](scan& my) { my.start(name, attributes); }); }
    static void XMLCALL end_of(void* self, char const*) { on(self, [](scan& my) { my.end(); }); }
    static void XMLCALL text_of(void* self, char const* text, int length) {
        on(self, [&](scan& my) { my.text({text, static_cast<std::size_t>(length)}); });
    }
    static void XMLCALL binding_of(void* self, char const* prefix, char const* uri) {
        on(self, [&](scan& my) { my.bind(prefix ? prefix : "", uri ? uri : ""); });
    }
    static void XMLCALL doctype_of(void* self, char const*, char const*, char const*, int) {
        on(self, [](scan& my) { my.refuse(cause::invalid_input, "a DOCTYPE is refused: documents declare no entities here"); });
    }
    static void XMLCALL declaration_of(void* self, char const*, char const* encoding, int) {
        on(self, [&](scan& my) { my.declared(encoding ? encoding : ""); });
    }
    static void XMLCALL comment_of(void* self, char const*) { on(self, [](scan& my) { my.check_token(); }); }
    static void XMLCALL instruction_of(void* self, char const*, char const*) { on(self, [](scan& my) { my.check_token(); }); }
    static void XMLCALL other_of(void* self, char const*, int) { on(self, [](scan& my) { my.progress(); }); }
    static int XMLCALL encoding_of(void* self, char const* name, XML_Encoding* into) {
        int known = XML_STATUS_ERROR;
        on(static_cast<scan*>(self), [&](scan& my) { known = my.describe(name, *into); });
        return known;
    }
    template <class F>
    static void on(void* self, F&& what) {
        auto& my = *static_cast<scan*>(self);
        if (my.why_) return;    // after a stop some are still told
        try {
            what(my);
        } catch (std::bad_alloc const&) {    // not through C
            my.refuse(cause::out_of_memory, "no memory is left");
        }
    }

    void start(std::string_view name, char const** attributes);
    void end();
    void text(std::string_view what);
    void bind(std::string_view prefix, std::string_view uri);
    void declared(std::string_view encoding);
    int describe(std::string_view encoding, XML_Encoding& into);

    // Each says whether all is well.
    void progress();
    bool check_token();
    void know_order_of_bytes();
    bool check_name(name_parts const& name);

    void look_at_attributes(element& of, char const** attributes);
    void write_start(name_parts const& name, char const** attributes);
    void write_declaration(std::string& to, binding const& what, bool ascii = false) const;
    void need(std::string_view prefix, bool element);
    void put(std::string_view what);
    void close_tag();
    void refer_to(std::string_view words);
    void begin_node(element const& of);
    void end_node(element const& of);
    void take_words(element const& of);
    [[nodiscard]] bool in_node() const noexcept { return node_depth_ != 0; }
    element& top() noexcept { return open_[depth_ - 1]; }

    void step();
    std::size_t fill(char* to, outcome<void>& done);
    void finish();
    void refuse(cause why, std::string_view rule);
    void fail(failure why);
    [[nodiscard]] std::string place() const;
    [[nodiscard]] std::string token_too_large() const {
        return "a tag, comment or processing instruction has more than " + std::to_string(by_.max_token) + " bytes";
    }
    [[nodiscard]] failure parser_says() const;

    document from_;
    split_rule rule_;
    limits by_;
    scan_range range_;
    bool plain_;
    std::unique_ptr<XML_ParserStruct, release> parser_;

    // The input.
    std::uint64_t fed_ = 0;         // bytes that the parser was given
    std::uint64_t read_ = 0;        // of the document
    std::size_t around_ = 0;        // of `before` and `behind`
    std::uint64_t progress_ = 0;    // up to where it has told
    std::array<unsigned char, 4> first_{};
    std::string foreign_;           // an encoding that nobody knows
    bool suspended_ = false;
    bool complete_ = false;
    bool finished_ = false;

    // The tree.
    std::vector<element> open_;     // never shrinks, so that names keep their memory
    std::vector<std::string_view> path_;
    std::size_t depth_ = 0;
    std::vector<binding> bindings_;
    std::size_t new_bindings_ = 0;  // where those of the next element begin
    std::uint32_t scope_ = 0;
    std::unordered_set<std::string> names_;
    std::string name_;
    std::uint64_t elements_ = 0;
    bool message_seen_ = false;
    id_index ids_;

    // The node that is copied.
    std::size_t node_depth_ = 0;    // 0: none
    bool chosen_ = false;
    bool too_large_ = false;
    std::string text_;
    std::size_t head_ = 0;          // where declarations go
    std::vector<std::size_t> needed_;   // of `bindings_`, above the node
    std::size_t needed_bytes_ = 0;
    node node_;
    std::unordered_set<std::string> refs_;
    std::string words_;             // of the innermost element that collects
    std::uint64_t nodes_ = 0;

    std::optional<outcome<node>> ready_;
    std::optional<failure> why_;
};

// Implementation

inline scan::scan(document from, split_rule rule, limits by, scan_range range, bool plain)
    : from_(std::move(from)), rule_(std::move(rule)), by_(by), range_(std::move(range)), plain_(plain),
      parser_(XML_ParserCreateNS(range_.encoding.empty() ? nullptr : range_.encoding.c_str(), name_parts::separator)) {
    if (!parser_) throw std::bad_alloc{};
    auto* const parser = parser_.get();
    XML_SetUserData(parser, this);
    XML_SetReturnNSTriplet(parser, 1);
    XML_SetElementHandler(parser, start_of, end_of);
    XML_SetCharacterDataHandler(parser, text_of);
    XML_SetStartNamespaceDeclHandler(parser, binding_of);
    XML_SetStartDoctypeDeclHandler(parser, doctype_of);
    XML_SetXmlDeclHandler(parser, declaration_of);
    XML_SetUnknownEncodingHandler(parser, encoding_of, this);
    XML_SetCommentHandler(parser, comment_of);
    XML_SetProcessingInstructionHandler(parser, instruction_of);
    XML_SetDefaultHandlerExpand(parser, other_of);    // blanks, begins of CDATA: the parser goes on
    XML_SetParamEntityParsing(parser, XML_PARAM_ENTITY_PARSING_NEVER);
}

inline std::optional<outcome<node>> scan::next() {
    for (;;) {
        if (ready_) return std::exchange(ready_, std::nullopt);
        if (finished_) return std::nullopt;
        step();
    }
}

inline void scan::step() {
    auto* const parser = parser_.get();
    XML_Status status{};
    bool last = false;
    if (suspended_) {
        status = XML_ResumeParser(parser);
        XML_ParsingStatus now{};
        XML_GetParsingStatus(parser, &now);
        last = now.finalBuffer == XML_TRUE;
    } else {
        auto* const to = static_cast<char*>(XML_GetBuffer(parser, static_cast<int>(block)));
        if (!to) return fail({cause::out_of_memory, "cannot read " + from_.name() + ": no memory is left"});
        outcome<void> done;
        auto const got = fill(to, done);
        if (!done) return fail(std::move(done).error());
        if (by_.max_document != 0 && read_ > by_.max_document)
            return fail({cause::exhausted, from_.name() + " has more than " + std::to_string(by_.max_document) + " bytes"});
        last = got == 0;
        status = XML_ParseBuffer(parser, static_cast<int>(got), last);
    }
    suspended_ = status == XML_STATUS_SUSPENDED;
    if (why_) return fail(*std::exchange(why_, std::nullopt));
    if (suspended_) return;
    if (status != XML_STATUS_OK) return fail(parser_says());
    if (last) return finish();
    // The parser may wait until it has twice what it had when it last saw that a tag is not whole.
    if (fed_ > progress_ && fed_ - progress_ > 2 * by_.max_token + block)
        return fail({cause::exhausted, place() + ": " + token_too_large()});
}

inline std::size_t scan::fill(char* to, outcome<void>& done) {
    std::size_t had = 0;
    auto const copy = [&](std::string_view from, std::size_t at) {
        auto const some = std::min(from.size() - at, block - had);
        std::memcpy(to + had, from.data() + at, some);
        had += some;
        around_ += some;
    };
    if (around_ < range_.before.size()) copy(range_.before, around_);
    if (around_ >= range_.before.size()) {
        auto const left = range_.end - range_.begin - read_;
        auto const wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block - had, left));
        if (wanted > 0) {
            auto const got = from_.read(range_.begin + read_, to + had, wanted);
            if (!got) {
                done = got.error();
                return 0;
            }
            for (std::size_t i = 0; i < *got && read_ + i < first_.size(); ++i) first_[read_ + i] = static_cast<unsigned char>(to[had + i]);
            had += *got;
            read_ += *got;
        }
        if (read_ == range_.end - range_.begin && around_ < range_.before.size() + range_.behind.size() && had < block)
            copy(range_.behind, around_ - range_.before.size());
    }
    fed_ += had;
    return had;
}

inline void scan::finish() {
    finished_ = true;
    if (rule_.is_natural() && !message_seen_) {
        ready_ = failure{cause::invalid_input, from_.name() + " holds neither OrderViewRS nor IATA_OrderViewRS, whose nodes the natural rule knows: "
                                                              "name the paths of its nodes"};
        return;
    }
    complete_ = true;
}

inline void scan::fail(failure why) {
    finished_ = true;
    ready_ = std::move(why);
}

inline std::string scan::place() const {
    auto* const parser = parser_.get();
    return from_.name() + ", line " + std::to_string(XML_GetCurrentLineNumber(parser)) + ", column " + std::to_string(XML_GetCurrentColumnNumber(parser) + 1);
}

inline void scan::refuse(cause why, std::string_view rule) {
    if (why_) return;
    why_ = failure{why, place() + ": " + std::string{rule}};
    XML_StopParser(parser_.get(), XML_FALSE);
}

inline failure scan::parser_says() const {
    auto const code = XML_GetErrorCode(parser_.get());
    if (code == XML_ERROR_NO_MEMORY) return {cause::out_of_memory, place() + ": no memory is left"};
    std::string rule = XML_ErrorString(code);
    if (code == XML_ERROR_UNKNOWN_ENCODING)
        rule = "the encoding " + json_text(std::string_view{foreign_}.substr(0, 64)) +
               " is not known: UTF-8, UTF-16, ISO-8859-1, US-ASCII and windows-1252 are";
    return {cause::invalid_input, place() + ": " + rule};
}

inline void scan::declared(std::string_view encoding) {
    progress();
    ids_.encoding(encoding.empty() ? "UTF-8" : std::string{encoding});
}

inline int scan::describe(std::string_view encoding, XML_Encoding& into) {
    if (!is_windows_1252(encoding)) {
        foreign_ = encoding;
        return XML_STATUS_ERROR;
    }
    for (int i = 0; i < 256; ++i) into.map[i] = i >= 0x80 && i < 0xa0 ? windows_1252[static_cast<std::size_t>(i - 0x80)] : i;
    into.data = nullptr;
    into.convert = nullptr;
    into.release = nullptr;
    return XML_STATUS_OK;
}

inline void scan::progress() {
    progress_ = static_cast<std::uint64_t>(XML_GetCurrentByteIndex(parser_.get()) + XML_GetCurrentByteCount(parser_.get()));
}

inline bool scan::check_token() {
    progress();
    if (static_cast<std::uint64_t>(XML_GetCurrentByteCount(parser_.get())) <= by_.max_token) return true;
    refuse(cause::exhausted, token_too_large());
    return false;
}

inline bool scan::check_name(name_parts const& name) {
    if (name.size() > by_.max_name) {
        refuse(cause::exhausted, "a name has more than " + std::to_string(by_.max_name) + " bytes");
        return false;
    }
    name_.clear();
    name.put(name_);
    if (names_.contains(name_)) return true;
    if (names_.size() == by_.max_names) {
        refuse(cause::exhausted, "there are more than " + std::to_string(by_.max_names) + " different names");
        return false;
    }
    names_.insert(name_);
    return true;
}

inline void scan::bind(std::string_view prefix, std::string_view uri) {
    if (!check_name(name_parts{prefix})) return;    // the parser keeps prefixes, too
    bindings_.push_back({std::string{prefix}, std::string{uri}, depth_ + 1});
    if (ids_.scope_bytes() + prefix.size() + uri.size() > most_scope_bytes)
        refuse(cause::exhausted, "there are more than " + std::to_string(most_scope_bytes) + " bytes of different declarations of namespaces");
}

inline void scan::start(std::string_view name, char const** attributes) {
    if (!check_token()) return;
    name_parts const parts{name};
    ++elements_;
    if (by_.max_elements != 0 && elements_ > by_.max_elements)
        return refuse(cause::exhausted, "there are more than " + std::to_string(by_.max_elements) + " elements");
    if (depth_ == by_.max_depth) return refuse(cause::exhausted, "elements stand deeper than " + std::to_string(by_.max_depth) + " levels");
    if (!check_name(parts)) return;
    auto count = bindings_.size() - new_bindings_;
    for (auto const* each = attributes; *each; each += 2, ++count)
        if (!check_name(name_parts{*each})) return;
    if (count > by_.max_attributes)
        return refuse(cause::exhausted, "the element " + json_text(parts.local) + " has more than " + std::to_string(by_.max_attributes) + " attributes");

    if (depth_ > 0) {
        auto& parent = top();
        parent.collects = false;    // it holds elements, so it is no word
    }
    if (open_.size() == depth_) open_.emplace_back();
    auto& mine = open_[depth_++];
    mine.name = parts.local;
    mine.prefix = parts.prefix;
    mine.id.clear();
    mine.sure_id = mine.has_child = mine.tag_open = false;
    mine.begin = static_cast<std::uint64_t>(XML_GetCurrentByteIndex(parser_.get()));
    mine.line = XML_GetCurrentLineNumber(parser_.get());
    mine.scope = scope_;
    mine.bindings = new_bindings_;
    if (elements_ == 1) know_order_of_bytes();
    message_seen_ = message_seen_ || split_rule::is_message(parts.local);
    if (bindings_.size() > new_bindings_) {
        std::string declarations;
        for (auto i = new_bindings_; i < bindings_.size(); ++i) write_declaration(declarations, bindings_[i], true);
        scope_ = ids_.add_scope(scope_, std::move(declarations));
    }
    if (!in_node()) {
        path_.clear();    // made anew: names move when the list of elements grows
        for (std::size_t i = 0; i < depth_; ++i) path_.emplace_back(open_[i].name);
        if (rule_.is_node(path_, elements_)) begin_node(mine);
    }
    look_at_attributes(mine, attributes);
    if (in_node()) write_start(parts, attributes);
    auto const refers = in_node() && is_reference(mine.name);
    mine.collects = refers || is_id_element(mine.name);
    if (mine.collects) words_.clear();
    new_bindings_ = bindings_.size();
}

inline void scan::look_at_attributes(element& of, char const** attributes) {
    for (auto const* each = attributes; *each; each += 2) {
        name_parts const parts{each[0]};
        std::string_view const value = each[1];
        if (is_reference(parts.local)) {
            if (in_node()) refer_to(value);
        } else if (of.id.empty() && value.size() <= longest_id && is_id_attribute(parts.local, of.name)) {
            auto left = value;
            auto const word = take_word(left);
            if (!word.empty() && left.find_first_not_of(blanks) == left.npos) {
                of.id = word;
                of.sure_id = true;
            }
        }
    }
}

// ascii: the value, so that it can stand in any encoding.
inline void scan::write_declaration(std::string& to, binding const& what, bool ascii) const {
    to += what.prefix.empty() ? " xmlns" : " xmlns:";
    to += what.prefix;
    to += "=\"";
    if (ascii) {
        std::string escaped;
        put_escaped(escaped, what.uri, true);
        put_ascii(to, escaped);
    } else put_escaped(to, what.uri, true);
    to += '"';
}

// A prefix that is used: if it is declared above the node, the node must say so itself.
inline void scan::need(std::string_view prefix, bool is_of_element) {
    if (plain_ || prefix == "xml" || (prefix.empty() && !is_of_element)) return;
    for (auto i = bindings_.size(); i-- > 0;) {
        auto const& each = bindings_[i];
        if (each.prefix != prefix) continue;
        if (each.depth >= node_depth_ || each.uri.empty()) return;
        if (std::find(needed_.begin(), needed_.end(), i) != needed_.end()) return;
        needed_.push_back(i);
        needed_bytes_ += each.prefix.size() + each.uri.size() + 10;
        return;
    }
}

inline void scan::put(std::string_view what) {
    if (too_large_ || !chosen_) return;
    if (text_.size() + needed_bytes_ + what.size() > by_.max_node) {
        too_large_ = true;
        std::string{}.swap(text_);
        return;
    }
    text_ += what;
}

inline void scan::close_tag() {
    if (!top().tag_open) return;
    top().tag_open = false;
    put(">");
}

inline void scan::write_start(name_parts const& name, char const** attributes) {
    if (depth_ > node_depth_) {
        auto& parent = open_[depth_ - 2];
        if (parent.tag_open) {
            parent.tag_open = false;
            put(">");
        }
    }
    need(name.prefix, true);
    std::string tag = "<";
    if (plain_) tag += name.local;
    else name.put(tag);
    if (depth_ == node_depth_) {
        put(tag);
        head_ = tag.size();
        tag.clear();
    }
    if (!plain_)
        for (auto i = new_bindings_; i < bindings_.size(); ++i) write_declaration(tag, bindings_[i]);
    for (auto const* each = attributes; *each; each += 2) {
        name_parts const parts{each[0]};
        std::string_view const value = each[1];
        need(parts.prefix, false);
        auto const colon = value.find(':');    // xsi:type="a:b"
        if (colon != value.npos && colon != 0 && colon <= by_.max_name) need(value.substr(0, colon), false);
        tag += ' ';
        if (plain_) tag += parts.local;
        else parts.put(tag);
        tag += "=\"";
        put_escaped(tag, value, true);
        tag += '"';
    }
    put(tag);
    top().tag_open = true;
}

inline void scan::text(std::string_view what) {
    progress();
    if (depth_ == 0) return;
    if (top().collects && words_.size() + what.size() <= by_.max_node) words_ += what;
    if (!in_node()) return;
    close_tag();
    if (too_large_ || !chosen_) return;
    std::string escaped;
    put_escaped(escaped, what, false);
    put(escaped);
}

inline void scan::refer_to(std::string_view words) {
    if (!chosen_) return;
    for (auto word = take_word(words); !word.empty(); word = take_word(words)) {
        if (word.size() > longest_id) continue;
        if (refs_.size() >= by_.max_refs) {
            node_.more_refs += !refs_.contains(std::string{word});
            continue;
        }
        if (refs_.emplace(word).second) node_.refs.emplace_back(word);
    }
}

inline void scan::begin_node(element const& of) {
    node_depth_ = depth_;
    chosen_ = rule_.is_chosen(of.name);
    too_large_ = false;
    text_.clear();
    needed_.clear();
    needed_bytes_ = 0;
    refs_.clear();
    node_ = {};
    node_.position = static_cast<std::size_t>(nodes_++);
    if (!chosen_) return;
    for (auto const& each : path_) (node_.path += node_.path.empty() ? "" : "/") += each;
    node_.name = of.name;
    node_.line = of.line;
    node_.begin = of.begin;
}

inline void scan::end_node(element const& of) {
    node_depth_ = 0;
    if (!chosen_) return;
    if (too_large_) {
        ready_ = failure{cause::exhausted, from_.name() + ", line " + std::to_string(of.line) + ": the node " + json_text(node_.path) + " has more than " +
                                               std::to_string(by_.max_node) + " bytes"};
        (void)std::exchange(node_, {});
    } else {
        std::string declarations;
        for (auto const i : needed_) write_declaration(declarations, bindings_[i]);
        text_.insert(head_, declarations);
        node_.text = std::move(text_);
        text_ = {};
        node_.id = of.id;
        if (auto const own = std::find(node_.refs.begin(), node_.refs.end(), of.id); own != node_.refs.end()) node_.refs.erase(own);
        node_.end = static_cast<std::uint64_t>(XML_GetCurrentByteIndex(parser_.get()) + XML_GetCurrentByteCount(parser_.get()));
        ready_ = std::exchange(node_, {});
    }
    XML_StopParser(parser_.get(), XML_TRUE);    // one at a time: what waits takes no memory
}

inline void scan::take_words(element const& of) {
    if (is_reference(of.name)) {
        if (in_node()) refer_to(words_);
        return;
    }
    if (depth_ < 2) return;
    auto& parent = open_[depth_ - 2];
    auto const own = is_own_id_element(of.name, parent.name);
    if (parent.sure_id || !(own || !parent.has_child)) return;
    std::string_view left = words_;
    auto const word = take_word(left);
    if (word.empty() || word.size() > longest_id || left.find_first_not_of(blanks) != left.npos) return;
    parent.id = word;
    parent.sure_id = own;
}

inline void scan::end() {
    progress();
    auto& mine = top();
    if (in_node()) {
        if (mine.tag_open) put("/>");
        else {
            std::string tag = "</";
            if (!plain_ && !mine.prefix.empty()) (tag += mine.prefix) += ':';
            put((tag += mine.name) += '>');
        }
    }
    if (mine.collects) take_words(mine);
    if (!mine.id.empty()) {
        auto const end = static_cast<std::uint64_t>(XML_GetCurrentByteIndex(parser_.get()) + XML_GetCurrentByteCount(parser_.get()));
        ids_.add(mine.id, {.begin = mine.begin, .end = end, .line = mine.line, .scope = mine.scope, .is_sure = mine.sure_id}, by_.max_ids);
    }
    if (depth_ == node_depth_) end_node(mine);
    scope_ = mine.scope;
    bindings_.erase(bindings_.begin() + static_cast<std::ptrdiff_t>(mine.bindings), bindings_.end());
    new_bindings_ = mine.bindings;
    --depth_;
    if (depth_ > 0) top().has_child = true;
}

// UTF-16 has two, and a part of a document has no mark that says which.
inline void scan::know_order_of_bytes() {
    if (first_[0] == 0 || (first_[0] == 0xfe && first_[1] == 0xff)) ids_.encoding("UTF-16BE");
    else if (first_[1] == 0 || (first_[0] == 0xff && first_[1] == 0xfe)) ids_.encoding("UTF-16LE");
}

}  // namespace muster::xml::detail
