"""The floors check finds every kind of bad arrow, and nothing in a good tree."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "cmake"))
import floors


def arrows(tree):
    """What the check says of a tree {header: its includes}."""
    with tempfile.TemporaryDirectory() as root:
        for header, includes in tree.items():
            path = pathlib.Path(root, "muster", header)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#pragma once\n" + "".join(f"#include {name}   // why\n" for name in includes))
        return floors.check(pathlib.Path(root))


class Floors(unittest.TestCase):
    def test_good_tree(self):
        self.assertEqual([], arrows({
            "muster.hpp": ["<muster/core/outcome.hpp>", "<muster/flow/map.hpp>"],
            "core/outcome.hpp": ["<utility>", "<muster/core/detail/box.hpp>", "<muster/core/failure.hpp>"],
            "core/detail/box.hpp": ["<muster/core/failure.hpp>"],
            "shm/arena.hpp": ["<muster/os/shared_memory.hpp>", "<muster/core/outcome.hpp>"],
            "process/command.hpp": ["<unistd.h>", "<sys/wait.h>", "<linux/futex.h>", "<muster/os/fd.hpp>"],
            "adapt/fmt.hpp": ["<fmt/format.h>", "<muster/flow/map.hpp>"],
            "workloads/formats/xml.hpp": ["<muster/adapt/fmt.hpp>"],
            "workloads/bgp/flow.hpp": ["<muster/workloads/bgp/irr.hpp>", "<muster/workloads/formats/xml.hpp>", "<openssl/evp.h>"],
        }))

    def assert_objects(self, header, include, word):
        found = arrows({header: ["<vector>", include]})
        self.assertEqual(1, len(found), found)
        self.assertIn(f"muster/{header}:3: ", found[0])
        self.assertIn(word, found[0])

    def test_upward(self):
        self.assert_objects("core/outcome.hpp", "<muster/gate/bulkhead.hpp>", "upward")
        self.assert_objects("flow/map.hpp", "<muster/adapt/fmt.hpp>", "upward")
        self.assert_objects("os/futex.hpp", "<muster/shm/arena.hpp>", "upward")
        self.assert_objects("shm/arena.hpp", "<muster/process/command.hpp>", "upward")
        self.assert_objects("workloads/formats/xml.hpp", "<muster/workloads/bgp/flow.hpp>", "upward")

    def test_sideways(self):
        self.assert_objects("policy/limit.hpp", "<muster/gate/rate_limiter.hpp>", "sideways")
        self.assert_objects("workloads/bgp/flow.hpp", "<muster/workloads/jwt/token.hpp>", "sideways")

    def test_detail_of_others(self):
        self.assert_objects("flow/map.hpp", "<muster/core/detail/box.hpp>", "detail")

    def test_umbrella(self):
        self.assert_objects("muster.hpp", "<muster/adapt/fmt.hpp>", "upward")
        self.assert_objects("gate/bulkhead.hpp", "<muster/muster.hpp>", "upward")

    def test_third_party(self):
        for name in "<fmt/format.h>", "<sqlite3.h>", "<tbb/task_arena.h>", "<boost/asio.hpp>":
            self.assert_objects("exec/thread_pool.hpp", name, "third-party")

    def test_quoted(self):
        self.assert_objects("core/stage.hpp", '"chain.hpp"', "quoted")

    def test_folder_without_floor(self):
        self.assertIn("no floor", arrows({"attic/box.hpp": []})[0])
        self.assert_objects("flow/map.hpp", "<muster/attic/box.hpp>", "no floor")


if __name__ == "__main__":
    unittest.main()
