"""A document that is uploaded comes back as facts; what is no document is refused, and the service goes on.

    PROGRAM=build/dev/examples/discovery_service discovery_service_test.py
"""
import json
import os
import pathlib
import signal
import subprocess
import threading
import unittest
import urllib.error
import urllib.request

PROGRAM = os.environ["PROGRAM"]
ORDERS = pathlib.Path(__file__).parents[2] / "examples" / "data" / "orders"
# In the background of a shell Ctrl-C is ignored, and whoever inherits that keeps to it.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Service(unittest.TestCase):
    def setUp(self):
        self.service = subprocess.Popen([PROGRAM, "--embedded-endpoint", "--largest", "100000"], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.url = self.service.stdout.readline().strip()

    def tearDown(self):
        self.service.send_signal(signal.SIGINT)
        self.service.communicate(timeout=100)
        self.assertEqual(0, self.service.returncode)

    def post(self, body):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(urllib.request.Request(self.url + "/documents", data=body, headers={"Content-Type": "application/xml"}), timeout=100) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def test_a_document_comes_back_as_facts(self):
        status, answer = self.post((ORDERS / "order_view.xml").read_bytes())
        self.assertEqual(200, status)
        self.assertTrue(answer["report"]["complete"])
        self.assertEqual(62, len(answer["nodes"]))
        self.assertEqual({"done"}, {node["state"] for node in answer["nodes"]})
        self.assertTrue(all(node["facts"] for node in answer["nodes"]))
        status, again = self.post((ORDERS / "order_view.xml").read_bytes())
        self.assertEqual((200, 0, 62), (status, again["report"]["attempts"], again["report"]["done_before"]))
        self.assertEqual(answer["nodes"], again["nodes"])

    def test_several_at_once(self):
        answers = {}
        threads = [threading.Thread(target=lambda name=name: answers.update({name: self.post((ORDERS / name).read_bytes())}))
                   for name in ("order_view.xml", "iata_order_view.xml")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({"order_view.xml": 62, "iata_order_view.xml": 63}, {name: len(answer[1]["nodes"]) for name, answer in answers.items()})

    def test_what_is_no_document_is_refused_and_the_service_goes_on(self):
        for body, says in (b"", "document"), (b"no XML", "document"), (b"<!DOCTYPE a []><a/>", "DOCTYPE"), (b"<a/>", "document"):
            with self.subTest(body):
                status, answer = self.post(body)
                self.assertEqual(400, status)
                self.assertIn(says, answer)
        self.assertEqual(413, self.post(b"<a>" + b" " * 200_000 + b"</a>")[0])
        self.assertEqual(200, self.post((ORDERS / "iata_order_view.xml").read_bytes())[0])


if __name__ == "__main__":
    unittest.main()
