"""openpyxl, measured on request.

Reads lines `COUNT PATH` and answers each with the nanoseconds that one of so many rows took in its write-only mode, or `missing`
where openpyxl is not installed. The rows are those of the others.
"""
import sys
import time


def write(count, path):
    import openpyxl
    start = time.perf_counter_ns()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("findings")
    sheet.append(["system", "file", "match", "user", "state", "line"])
    for i in range(count):
        host = f"host-{i % 977}"
        sheet.append([host, f"collected/{host}/sshd_config.txt", f"PermitRootLogin prohibit-password # {i * 2654435761 % 4294967296}",
                      f"user{i % 31}", "enabled" if i % 3 else "disabled", i])
    book.save(path)
    return (time.perf_counter_ns() - start) / count


def main():
    for line in iter(sys.stdin.readline, ""):
        count, path = line.split(maxsplit=1)
        try:
            print(write(int(count), path.strip()), flush=True)
        except ImportError:
            print("missing", flush=True)


if __name__ == "__main__":
    main()
