"""Every C++ block of README.md is cut from a compiled example.

A block stands below a line `<!-- examples/NAME.cpp: MARK -->`, and is what that file holds between `// [MARK]` and `// [end]`.
"""
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).parents[2]


def cut(path, mark):
    """The marked lines of an example, or None."""
    found = re.search(rf"^[ ]*// \[{re.escape(mark)}\]\n(.*?)^[ ]*// \[end\]$", (ROOT / path).read_text(), re.M | re.S)
    return textwrap.dedent(found[1]) if found else None


def complaints(readme):
    blocks = re.findall(r"(?:<!-- (\S+): (.+?) -->\n)?```cpp\n(.*?)```", readme, re.S)
    for path, mark, text in blocks:
        if not path:
            yield f"a block without a source:\n{text}"
        elif cut(path, mark) is None:
            yield f"{path} has no // [{mark}]"
        elif cut(path, mark) != text:
            yield f"differs from {path}, {mark}:\n{text}"
    if not blocks:
        yield "README.md shows no code"


if __name__ == "__main__":
    # A block that was changed, or has no source, is found.
    readme = (ROOT / "README.md").read_text()
    assert list(complaints(readme.replace("rate_limiter quota", "rate_limiter kvota")))
    assert list(complaints("```cpp\nint x;\n```"))
    wrong = list(complaints(readme))
    print("\n".join(wrong) or "every block is in a compiled example")
    sys.exit(bool(wrong))
