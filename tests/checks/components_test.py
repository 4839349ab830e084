"""conanfile.py and cmake/components.cmake name the same components, each using the same others."""
import ast
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).parents[2]


def of_conan():
    tree = ast.parse((ROOT / "conanfile.py").read_text())
    table = next(node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "COMPONENTS")
    return {"core": [], **{name: entry[0] for name, entry in ast.literal_eval(table).items()}}


def of_cmake():
    text = re.sub(r"#.*", "", (ROOT / "cmake" / "components.cmake").read_text())
    entries = re.findall(r"muster_component\((\w+)([^)]*)\)", text)
    uses = {name: re.search(r"USES((?: +[a-z0-9_]+)+)", rest) for name, rest in entries}
    return {name: match[1].split() if match else [] for name, match in uses.items()}


class Components(unittest.TestCase):
    def test_same(self):
        self.assertEqual(of_cmake(), of_conan())


if __name__ == "__main__":
    unittest.main()
