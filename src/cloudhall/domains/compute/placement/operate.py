"""What the commands do: build a fleet, replay a trace up to where it matters, and tell."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cloudhall.domains.compute.placement import chart, report, traces
from cloudhall.domains.compute.placement.commands import Answer, Given, Progress
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.explain import Count, Explanation, refusal
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.planner.defragment import defragment
from cloudhall.domains.compute.placement.planner.evacuate import evacuate, hosts_of
from cloudhall.domains.compute.placement.planner.plan import UNLIMITED, Approved, Budget, Plan, carry_out
from cloudhall.domains.compute.placement.planner.rescue import rescue
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.simulate import NOBODY, Replay, failures
from cloudhall.domains.compute.placement.topology import Level
from cloudhall.kernel.errors import Invalid, NotFound, Unavailable
from cloudhall.kernel.text import Language, T

HOUR_S = 3600
MIB_A_GIB = 1024
STEPS_SHOWN = 20
RESCUE_MOVES = 2
DONE = T("已执行；状态哈希 {hash}", "Done; state hash {hash}")
MORE = T("…… 另有 {more} 步（--json 列出全部）", "… and {more} more (--json lists all)")
SLOW = T("没有 numba：结果相同，只是更慢", "without numba: the same results, slower")


def replay(given: Given, language: Language, told: Progress) -> Answer:
    """Replay the whole trace and report."""
    run = _replay_of(given)
    watch, end_s = report.Watch(run), int(run.timeline.at_s[-1])
    for moment in run:
        watch.see(moment)
        told(moment.at_s, end_s)
    data, drawn = watch.report(), report.charts(watch.lines)
    if given["svg"]:
        _write(given["svg"], chart.svg(drawn[0], language) + "\n")
    if given["page"]:
        title = T(f"重放 {given['trace']}", f"Replay of {given['trace']}")
        _write(given["page"], chart.page(title, report.figures(data), drawn, language))
    lines = [*chart.table(report.figures(data), language), "", chart.text(drawn[0], language)]
    return Answer(data, lines, _remarks(run.engine))


def explain(given: Given, language: Language, told: Progress) -> Answer:
    """Run up to a refusal and say why; or why another request would, or would not, fit there."""
    run = _replay_of(given)
    request = _run_to_refusal(run, given["refusal"], told)
    if given["cpu"] is not None or given["memory_gib"] is not None:
        cpu, gib = given["cpu"] or 0, given["memory_gib"] or 0
        request = Request(cpu_milli=1000 * cpu, memory_mib=MIB_A_GIB * gib, profile=given["profile"])
    told_why = refusal(run.engine, request)
    data = {"request": _request_json(request), **_explanation_json(told_why, run.engine)}
    return Answer(data, _why_lines(told_why, request, language), _remarks(run.engine))


def _request_json(request: Request | None) -> dict[str, int] | None:
    return None if request is None else {"cpu_milli": request.cpu_milli, "memory_mib": request.memory_mib}


def _explanation_json(why: Explanation, engine: Engine) -> dict[str, Any]:
    return {
        "fleet": why.fleet,
        "fitting": why.fitting,
        "counts": [_count_json(count) for count in why.counts],
        "nearest": engine.fleet.names[why.nearest] if why.nearest >= 0 else None,
        "shortages": [{"field": s.field, "needed": s.needed, "free": s.free} for s in why.shortages],
        "change": _request_json(why.change),
        "advice": why.advice.both(),
    }


def _count_json(count: Count) -> dict[str, Any]:
    parts = [_count_json(part) for part in count.parts]
    return {"name": count.name, "title": count.title.both(), "hosts": count.hosts, "parts": parts}


def _why_lines(why: Explanation, request: Request, language: Language) -> list[str]:
    """The request, the hosts by what they fail first, their sum, and what would help."""
    asked = f"{request.cpu_milli / 1000:g} c, {request.memory_mib / MIB_A_GIB:g} GiB"
    rows = [(T("请求", "Request"), asked), *_count_rows(why.counts, "  ")]
    rows += [(T("放得下", "would take it"), f"{why.fitting:,}"), (T("全部主机", "Hosts in all"), f"{why.fleet:,}")]
    return [*chart.table(rows, language), "", why.advice.in_(language)]


def _count_rows(counts: Sequence[Count], indent: str) -> Iterator[tuple[T, str]]:
    for count in counts:
        lacks = T(f"{indent}因{count.title.zh}放不下", f"{indent}fail by {count.title.en}")
        yield (lacks if indent == "  " else T(indent + count.title.zh, indent + count.title.en)), f"{count.hosts:,}"
        yield from _count_rows(count.parts, indent + "  ")


def plan(given: Given, language: Language, told: Progress) -> Answer:
    """Propose one plan, and carry it out where that is asked for."""
    run = _replay_of(given)
    made = _PLANS[given["kind"]](run, given, told)
    engine = run.engine
    data, lines = made.json(engine), _lines_of(made, engine, language)
    if given["carry_out"]:
        before = engine.state_hash()
        carry_out(engine, Approved(made, "--carry-out"))
        data |= {"state_hash_before": before, "state_hash": engine.state_hash()}
        lines.append(
            T(f"已执行；状态哈希 {data['state_hash']}", f"Done; state hash {data['state_hash']}").in_(language)
        )
    return Answer(data, lines, _remarks(engine))


def _rescue(run: Replay, given: Given, told: Progress) -> Plan:
    request = _run_to_refusal(run, 1, told)
    moves = RESCUE_MOVES if given["moves"] is None else given["moves"]
    found = rescue(run.engine, request, moves_max=moves)
    if found is None:
        raise NotFound(
            T(f"迁移 {moves} 台也腾不出位置", f"moving {moves} makes no room"),
            mend=T("放宽 --moves，或看 explain", "allow more --moves, or see explain"),
        )
    return found


def _defragment(run: Replay, given: Given, told: Progress) -> Plan:
    _run_to(run, given["at_hours"], told)
    return defragment(run.engine, _budget(given))


def _evacuate(run: Replay, given: Given, told: Progress) -> Plan:
    level, domains = _domains(given)
    hosts = hosts_of(run.engine, level, domains)
    _run_to(run, given["at_hours"], told)
    return evacuate(run.engine, hosts, budget=_budget(given))


_PLANS = {"rescue": _rescue, "defragment": _defragment, "evacuate": _evacuate}


def _domains(given: Given) -> tuple[Level, list[int]]:
    name, numbers = given["level"].upper(), given["domains"].split(",")
    if name not in Level.__members__ or not all(number.strip().isdigit() for number in numbers):
        raise Invalid(
            T(
                f"--level {given['level']} --domains {given['domains']}",
                f"--level {given['level']} --domains {given['domains']}",
            ),
            mend=T("例如 --level rack --domains 3,4", "such as --level rack --domains 3,4"),
        )
    return Level[name], [int(number) for number in numbers]


def _budget(given: Given) -> Budget:
    moves, gib = given["moves"], given["memory_gib"]
    return Budget(UNLIMITED if moves is None else moves, UNLIMITED if gib is None else gib * MIB_A_GIB)


def _replay_of(given: Given) -> Replay:
    machines = traces.read_machines(Path(given["trace"]))
    if not len(machines.arrival_s) or not given["hosts"]:
        raise Invalid(T("没有虚拟机或没有主机", "there is no machine, or no host"))
    engine = Engine(Fleet.of(given["host"], given["hosts"]), compiled=False if given["numpy"] else None)
    broken = failures(
        given.get("failures", 0),
        hosts=given["hosts"],
        end_s=int(machines.arrival_s.max()),
        repair_s=given.get("repair_hours", 0) * HOUR_S,
        seed=given.get("seed", 0),
    )
    moves = given["moves"] if "refusal" in given or "failures" in given else 0
    return Replay(engine, machines, profile=given["profile"], moves=moves, broken=broken, in_order=given["in_order"])


def _run_to(run: Replay, at_hours: int | None, told: Progress) -> None:
    """Run up to an hour, or to the end."""
    end_s = int(run.timeline.at_s[-1])
    until_s = end_s if at_hours is None else at_hours * HOUR_S
    for moment in run:
        told(moment.at_s, until_s)
        if moment.machine == NOBODY and moment.at_s >= until_s:
            return


def _run_to_refusal(run: Replay, number: int, told: Progress) -> Request:
    """Run until the `number`-th machine is being refused; answers what it asked for."""
    end_s = int(run.timeline.at_s[-1])
    for moment in run:
        told(moment.at_s, end_s)
        if moment.machine != NOBODY and len(run.refused) == number - 1:
            return run.request(moment.machine)
    refused = len(run.refused)
    raise NotFound(
        T(f"只有 {refused} 个请求被拒", f"only {refused} requests were refused"),
        mend=T("用更少的 --hosts", "give fewer --hosts"),
    )


def _lines_of(made: Plan, engine: Engine, language: Language) -> list[str]:
    """Purpose, gain and price, then the first steps."""
    gib = made.moved_mib // MIB_A_GIB
    price = T(f"{len(made)} 次迁移，{gib:,} GiB", f"{len(made)} moves, {gib:,} GiB")
    rows = [
        (T("方案", "Plan"), made.purpose.in_(language)),
        (T("收益", "Gain"), made.gain.in_(language)),
        (T("代价", "Price"), price.in_(language)),
        (T("超出预算", "Beyond the budget"), f"{made.later}"),
        (T("无处可去", "Nowhere to go"), f"{len(made.stay)}"),
        (T("依据的状态", "Made for the state"), made.basis),
    ]
    names = engine.fleet.names
    steps = [
        f"{number:>6}  {step.id:>14}  {names[step.source]} → {names[step.target]}  {step.memory_mib:>7,} MiB"
        for number, step in enumerate(made.moves.steps(0, STEPS_SHOWN), 1)
    ]
    more = len(made) - len(steps)
    rest = (
        [T(f"…… 另有 {more} 步（--json 列出全部）", f"… and {more} more (--json lists all)").in_(language)]
        if more
        else []
    )
    return [*chart.table(rows, language), "", *steps, *rest]


def _remarks(engine: Engine) -> list[T]:
    return [] if engine.compiled else [SLOW]


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise Unavailable(T(f"写不了 {path}：{error}", f"{path} cannot be written: {error}")) from error
