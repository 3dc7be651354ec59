"""The arithmetic of docs/scaling.md: reads the figures from that document, and writes both documents' tables of what
follows. Run as a program, it writes them."""

import math
import re
from pathlib import Path

from files import ROOT

DOCUMENTS = (ROOT / "docs/scaling.md", ROOT / "docs/scaling.fa.md")
USERS = (10_000, 100_000, 1_000_000, 10_000_000)
MARKS = ("<!-- computed -->", "<!-- /computed -->")

Figures = dict[str, float]

ROWS = (
    ("sockets", "S", "سوکت"),
    ("messages a second", "M", "پیام در ثانیه"),
    ("deliveries a second", "D", "رساندن در ثانیه"),
    ("gateways", "g", "دروازه"),
    ("cores of all gateways", "gateway_cores", "هسته‌ی همه‌ی دروازه‌ها"),
    ("memory of all sockets, GB", "socket_gb", "حافظه‌ی همه‌ی سوکت‌ها، گیگابایت"),
    ("out to clients, Mbit/s", "out_mbit", "خروجی به کلاینت‌ها، مگابیت در ثانیه"),
    ("Redis: receptions a second", "N", "Redis: دریافت در ثانیه"),
    ("Redis: cores", "redis_cores", "Redis: هسته"),
    ("api: cores", "api_cores", "api: هسته"),
    ("Postgres: heads compared a second", "H", "Postgres: سرِ مقایسه‌شده در ثانیه"),
    ("Postgres: cores for sends", "sends_cores", "Postgres: هسته برای ارسال"),
    ("Postgres: cores for heads", "heads_cores", "Postgres: هسته برای سرها"),
    ("Postgres: growth, GB a day", "growth_gb", "Postgres: رشد، گیگابایت در روز"),
)


def figures(document: Path) -> Figures:
    """Values by their symbols: rows of tables whose first cell is a symbol in backticks."""
    rows = re.findall(r"^\| `([a-zA-Z_]+)` \| ([\d.,]+)", document.read_text(), re.MULTILINE)
    return {name: float(value.replace(",", "")) for name, value in rows}


def follows(users: int, f: Figures) -> Figures:
    """What so many users need, by the formulas of the document."""
    connected = users * f["c"]
    r: Figures = {"S": connected * f["d"], "M": connected * f["m"] / 3600}
    r["D"] = r["M"] * f["L"] * f["d"]
    r["gateway_cores"] = r["D"] * f["t_deliver"] / 1e6
    r["g"] = max(2, math.ceil(r["S"] / f["s"]), math.ceil(r["gateway_cores"] / f["u"]))
    r["socket_gb"] = r["S"] * f["b_socket"] / 1e6
    r["out_mbit"] = r["D"] * f["b_frame"] * 8 / 1e6
    r["N"] = r["M"] * r["g"] * (1 - (1 - 1 / r["g"]) ** (f["L"] * f["d"]))
    r["redis_cores"] = (r["M"] * f["t_publish"] + r["N"] * f["t_receive"]) / 1e6
    r["api_cores"] = r["M"] * f["t_send"] / 1e6
    r["H"] = r["S"] * f["R"] / f["T"]
    r["sends_cores"] = r["M"] * f["t_commit"] / 1e6
    r["heads_cores"] = r["H"] * f["t_head"] / 1e6
    r["growth_gb"] = r["M"] / f["p"] * 86_400 * f["b_message"] / 1e9
    return r


def shown(value: float) -> str:
    """Two digits, or the whole number where it has more; what rounds to nothing is said to be less."""
    if value < 0.01:
        return "< 0.01"
    if value >= 10:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.2g}"


def table(is_persian: bool) -> str:
    f = figures(DOCUMENTS[0])
    results = [follows(users, f) for users in USERS]
    first = "کاربر" if is_persian else "users"
    lines = [f"| {first} | " + " | ".join(f"{users:,}" for users in USERS) + " |", "|---|" + "--:|" * len(USERS)]
    for english, name, persian in ROWS:
        label = persian if is_persian else english
        lines.append(f"| {label} | " + " | ".join(shown(result[name]) for result in results) + " |")
    return "\n".join(lines)


def written(document: Path) -> str:
    """The document with its table anew."""
    before, rest = document.read_text().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    return f"{before}{MARKS[0]}\n{table(document.name.endswith('.fa.md'))}\n{MARKS[1]}{after}"


def write() -> None:
    for document in DOCUMENTS:
        document.write_text(written(document))


if __name__ == "__main__":
    write()
