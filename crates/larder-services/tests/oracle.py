#!/usr/bin/env python3
"""Counts a tree of Claude Code logs by the rule's text, slowly and with exact fractions.

    oracle.py CONFIG_DIR PRICES_JSON

An independent second opinion for the tests: it shares no code and no idea with the crate. Prints
one JSON object; costs are strings of whole 10^-12 dollars, days are UTC.
"""
import json, os, sys
from datetime import datetime, timezone
from decimal import Decimal
from fractions import Fraction

root, prices_path = sys.argv[1:3]
prices = json.load(open(prices_path), parse_float=Decimal, parse_int=Decimal)


def forbidden(constant):
    raise ValueError(constant)


def load(raw):
    return json.loads(raw.decode("utf-8"), parse_constant=forbidden)


def count(value):
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise ValueError(value)
    if value < 0 or value > 10**12:
        raise ValueError(value)
    return int(value)


def get(value, *path):
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def parse(line):
    """The line's record, or None if it does not count."""
    o = load(line)
    inner = get(o, "data", "message")
    if get(o, "type") == "progress" and isinstance(get(inner, "message", "usage"), dict):
        e = {**o, "message": inner["message"]}
        for key in ("requestId", "timestamp", "isSidechain", "costUSD"):
            if inner.get(key) is not None:
                e[key] = inner[key]
        o = e
    u = get(o, "message", "usage")
    if not isinstance(u, dict):
        return None
    breakdown = get(u, "cache_creation") or {}
    m5, h1 = (count(get(breakdown, k)) for k in ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"))
    creation = u.get("cache_creation_input_tokens")
    r = {
        "input": count(u.get("input_tokens")),
        "output": count(u.get("output_tokens")),
        "creation": m5 + h1 if creation is None else count(creation),
        "read": count(u.get("cache_read_input_tokens")),
        "h1": h1,
        "id": get(o, "message", "id"),
        "request": o.get("requestId"),
        "model": get(o, "message", "model") or "unknown",
        "side": o.get("isSidechain") is True,
        "stated": o.get("costUSD"),
        "session": o.get("sessionId"),
        "fast": u.get("speed") == "fast",
        "timestamp": o.get("timestamp"),
    }
    r["m5"] = m5 + max(0, r["creation"] - m5 - h1)
    r["total"] = r["input"] + r["output"] + r["creation"] + r["read"]
    return r


def cost(r):
    """Picodollars, and whether they are known."""
    if isinstance(r["stated"], (int, float)) and not isinstance(r["stated"], bool) and 0 <= r["stated"] <= 1e6:
        return round(Fraction(str(r["stated"])) * 10**12), True
    p = prices.get(r["model"])
    if p is None:
        return 0, False
    price = lambda key: Fraction(p[key]) if key in p else None
    i, i200 = price("input_cost_per_token"), price("input_cost_per_token_above_200k_tokens")
    fields = [
        (r["input"], i, i200),
        (r["output"], price("output_cost_per_token"), price("output_cost_per_token_above_200k_tokens")),
        (r["m5"], price("cache_creation_input_token_cost") or i * Fraction(5, 4),
         price("cache_creation_input_token_cost_above_200k_tokens")),
        (r["h1"], 2 * i, None if i200 is None else 2 * i200),
        (r["read"], price("cache_read_input_token_cost") or i / 10, price("cache_read_input_token_cost_above_200k_tokens")),
    ]
    total = Fraction(0)
    for tokens, base, above in fields:
        low = tokens if above is None else min(tokens, 200_000)
        total += low * base + (tokens - low) * (above or 0)
    fast = p.get("provider_specific_entry", {}).get("fast")
    if r["fast"] and fast is not None:
        total *= Fraction(fast)
    return int(total * 10**12 + Fraction(1, 2)), True


def day(r):
    try:
        return datetime.fromisoformat(r["timestamp"].replace("Z", "+00:00")).astimezone(timezone.utc).date().isoformat()
    except (ValueError, AttributeError, TypeError):
        return "undated"


paths = []
projects = os.path.join(root, "projects")
for directory, _, names in os.walk(projects):
    paths += [os.path.join(directory, name) for name in names if name.endswith(".jsonl")]
paths.sort(key=os.fsencode)

messages, alone, skipped, lines = {}, [], 0, 0
for path in paths:
    below = os.path.relpath(path, projects).split(os.sep)
    project = below[0]
    fallback = below[1][:-6] if below[1].endswith(".jsonl") else below[1]
    parts = open(path, "rb").read().split(b"\n")
    for number, line in enumerate(parts):
        is_last = number == len(parts) - 1
        if is_last and not line.strip():
            continue
        lines += not is_last
        if not line.strip():
            continue
        try:
            r = parse(line)
        except (ValueError, RecursionError):
            skipped += not is_last
            continue
        lines += is_last
        if r is None:
            continue
        r["project"], r["session"] = project, r["session"] or fallback
        if r["id"]:
            messages.setdefault(r["id"], []).append(r)
        else:
            alone.append(r)

standing = list(alone)
for rows in messages.values():
    main = [r for r in rows if not r["side"]]
    groups = {}
    for r in main or rows:
        groups.setdefault(r["request"] if main else None, []).append(r)
    for group in groups.values():
        standing.append(max(group, key=lambda r: r["total"]))  # the first of the largest

out = {"lines": lines, "skipped": skipped, "files": len(paths), "totals": None}
kinds = {"models": lambda r: r["model"], "projects": lambda r: r["project"], "days": day, "sessions": lambda r: r["session"]}
everything = {}
for kind, key in list(kinds.items()) + [("all", lambda r: "all")]:
    groups = everything[kind] = {}
    for r in standing:
        g = groups.setdefault(key(r), {"messages": 0, "input": 0, "output": 0, "creation": 0, "read": 0, "cost": 0, "unpriced": 0})
        c, known = cost(r)
        g["messages"] += 1
        g["cost"] += c
        g["unpriced"] += not known
        for field in ("input", "output", "creation", "read"):
            g[field] += r[field]
    for g in groups.values():
        g["cost"] = str(g["cost"])
out["totals"] = everything.pop("all").get("all")
out.update(everything)
json.dump(out, sys.stdout)
