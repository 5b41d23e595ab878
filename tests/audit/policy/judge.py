"""Decides anew, with Cedar, what the hub's engine decided, and says where the two differ.

    judge.py WORLDS.jsonl LEAST      at least LEAST decisions, each of one party about one event and one data class
    judge.py WORLDS.jsonl --planted  leaves out each clause, rule and level of the .cedar files in turn: every such fault must be found

The rules are in the .cedar files beside this one, written from the permission model and not from the hub's code. Cedar judges one record at
a time; what is here is only how the answers of several come together: a class is shown at the best level of a party's own relations and of
the grants for it; a grant gives no more than its grantor could, and what every cap leaves.

A line of WORLDS.jsonl is one world as `tests/it/policy/told.rs` tells it, with what the hub decided under `asked`.
"""

import json
import multiprocessing
import os
import re
import sys
from collections import Counter
from pathlib import Path

import cedarpy

HERE = Path(__file__).parent
FILES = ["own", "grant", "cap", "thing"]
# Levels of each class, lowest first; below the lowest is nothing.
SHOWN = ["full"]
WHO = ["role", "counterparty", "name", "as asserted"]
LADDER = {
    "C0": SHOWN, "C1": SHOWN, "C2": SHOWN, "C3": ["month", "exact"], "C4": ["country", "own sites", "site", "read point"],
    "C5": WHO, "C6": WHO, "C7": ["own units", "own principal's", "handed units", "as asserted"],
    "C8": ["delivery number", "this handover", "as asserted"], "C9": SHOWN, "C10": SHOWN, "C11": SHOWN, "C12": SHOWN,
}
RUNGS = [(of, level) for of, levels in LADDER.items() for level in levels]
# A rule must have decided so often, or nothing is known of it.
OFTEN = 50


def uid(kind, name):
    return {"type": kind, "id": name}


def ref(kind, name):
    return {"__entity": uid(kind, name)}


def entity(kind, name, attrs, parents=()):
    return {"uid": uid(kind, name), "attrs": {key: value for key, value in attrs.items() if value is not None}, "parents": list(parents)}


def actions():
    """Each level of a class in the one above it: who may see the higher may see the lower."""
    for of, levels in LADDER.items():
        for level, above in zip(levels, levels[1:] + [None]):
            yield entity("Action", f"{of} {level}", {}, [uid("Action", f"{of} {above}")] if above else [])


LEVELS = cedarpy.Entities.from_json_str(json.dumps(list(actions())))


def limits(scope):
    return {
        "products": scope["gtins"], "lots": scope["lots"], "sites": scope["sites"], "steps": scope["steps"],
        "countries": scope["countries"], "eventFrom": scope["from"], "eventUntil": scope["until"],
    }


def most(levels):
    return [ref("Action", f"{of} {level}") for of, level in levels.items() if level != "-"]


def entities(world):
    for party in world["parties"]:
        yield entity("Party", party["id"], {"roles": party["roles"], "country": party["country"], "active": party["active"]})
        for number, licence in enumerate(party["licences"]):
            yield entity("Licence", f"{party['id']} {number}", {**licence, "holder": ref("Party", party["id"])})
    event, has = world["event"], world["event"]["relations"]
    having = {camel(name): [ref("Party", party) for party in parties] for name, parties in has.items()}
    concerned = [ref("Party", party) for party in sorted({party for parties in has.values() for party in parties})]
    yield entity("Event", "event", {
        "time": event["time"], "step": event["step"], "sites": event["sites"], "countries": event["countries"], "concerned": concerned, **having,
    })
    for thing in world["things"]:
        principal = thing["principal"] and ref("Party", thing["principal"])
        owners = [ref("Party", party) for party in thing["owners"]]
        yield entity("Thing", thing["id"], {"product": thing["product"], "lot": thing["lot"], "owners": owners, "principal": principal})
    for grant in world["grants"]:
        to = grant["to"]
        yield entity("Grant", grant["id"], {
            "grantor": ref("Party", grant["grantor"]), "toParty": to["party"] and ref("Party", to["party"]), "toRole": to["role"],
            "toCountry": to["country"], "levels": most(grant["levels"]), "from": grant["from"], "until": grant["until"],
            "signed": grant["signed"], "ended": grant["ended"], "fullIdentifier": grant["fullIdentifier"], "role": grant["role"],
            "licenceRole": (grant["licence"] or {}).get("role"), "licenceCountry": (grant["licence"] or {}).get("country"),
            "leastContributors": grant["leastContributors"], "queriesPerDay": grant["queriesPerDay"], **limits(grant["scope"]),
        })
    for cap in world["caps"]:
        yield entity("Cap", cap["id"], {
            "owner": ref("Party", cap["owner"]), "grantees": [ref("Party", party) for party in cap["grantees"]],
            "levels": most(cap["levels"]), "set": cap["set"], "ended": cap["ended"], **limits(cap["scope"]),
        })
    for one in world["emergencies"]:
        yield entity("Emergency", one["id"], {
            "products": [one["gtin"]], "lots": one["lots"], "from": one["from"], "until": one["until"],
            "declared": one["declared"], "ended": one["ended"],
        })


def camel(name):
    first, *rest = name.split()
    return first + "".join(word.capitalize() for word in rest)


class Rules:
    """The policies of each file, parsed."""

    def __init__(self, texts):
        self.sets = {name: cedarpy.PolicySet.from_str(text) for name, text in texts.items()}

    @staticmethod
    def texts():
        return {name: (HERE / f"{name}.cedar").read_text() for name in FILES}


class Judge:
    """Asks about one world."""

    def __init__(self, rules, world, decisive):
        self.rules, self.world, self.decisive, self.known, self.asked = rules, world, decisive, {}, []
        self.entities = LEVELS.with_added_json_str(json.dumps(list(entities(world))))
        self.base = {"event": ref("Event", "event"), "now": world["now"]}

    def ask(self, file, questions):
        """Yes or no to each (principal, action, resource, context)."""
        if not questions:
            return []
        requests = [
            {"principal": who, "action": uid("Action", action), "resource": what, "context": context}
            for who, action, what, context in questions
        ]
        results = cedarpy.is_authorized_batch(requests, self.rules.sets[file], self.entities)
        self.asked.append((file, requests, [result.allowed for result in results]))
        for question, result in zip(questions, results):
            if result.diagnostics.errors:
                sys.exit(f"{file}.cedar cannot be asked {question}: {result.diagnostics.errors}")
            self.decisive.update(result.diagnostics.id_annotations_by_reason.values())
        return [result.allowed for result in results]

    def differs(self, file, rules):
        """Whether other rules answer a question otherwise that was asked of a file."""
        return any(
            [result.allowed for result in cedarpy.is_authorized_batch(requests, rules.sets[of], self.entities)] != answers
            for of, requests, answers in self.asked
            if of == file
        )

    def levels(self, file, who, what, **context):
        """The level of each class; none of a class that is not shown."""
        text = json.dumps(self.base | context)
        key = (file, who["id"], what["id"], text)
        if key not in self.known:
            found, open_classes = dict.fromkeys(LADDER), list(LADDER)
            # Rung by rung: where the lower one is not permitted the higher is not, for it stands above it.
            for rung in range(max(map(len, LADDER.values()))):
                asked = [of for of in open_classes if rung < len(LADDER[of])]
                answers = self.ask(file, [(who, f"{of} {LADDER[of][rung]}", what, text) for of in asked])
                open_classes = [of for of, allowed in zip(asked, answers) if allowed]
                found.update((of, LADDER[of][rung]) for of in open_classes)
            self.known[key] = found
        return self.known[key]

    def covered(self, record, things):
        text = json.dumps(self.base | {"named": [ref("Thing", name) for name in self.world["proved"]]})
        answers = self.ask("thing", [(record, "covers", uid("Thing", thing["id"]), text) for thing in things])
        return {thing["id"] for thing, answer in zip(things, answers) if answer}

    def seen(self, party, containment, things):
        if containment is None:
            return set()
        text = json.dumps(self.base | {"containment": containment})
        answers = self.ask("thing", [(party, "sees", uid("Thing", name), text) for name in things])
        return {name for name, answer in zip(things, answers) if answer}

    def licensed(self, party, grant):
        """Whether a party holds a licence that a grant asks for; without asking where it asks for none."""
        if not grant["licence"]:
            return False
        text = json.dumps(self.base | {"grant": ref("Grant", grant["id"])})
        # Licences of all: that another's counts for nobody else is for the rules to say.
        held = [f"{one['id']} {number}" for one in self.world["parties"] for number in range(len(one["licences"]))]
        return any(self.ask("thing", [(party, "holds", uid("Licence", name), text) for name in held]))

    def decide(self):
        """Who sees what: for each viewer the levels, the ways to them, and the things; none where it sees no event."""
        world = self.world
        self.event = uid("Event", "event")
        self.things = world["things"]
        self.children = [thing for thing in self.things if thing["part"] != "parent"]
        text = json.dumps(self.base)
        emergencies = [uid("Emergency", one["id"]) for one in world["emergencies"]]
        held = self.ask("thing", [(one, "goes by", one, text) for one in emergencies])
        emergency = any(holds and self.covered(one, self.things) for one, holds in zip(emergencies, held))
        grants = [(grant, *self.part(grant)) for grant in world["grants"]]
        caps = [(uid("Cap", cap["id"]), bool(self.covered(uid("Cap", cap["id"]), self.things))) for cap in world["caps"]]
        return {asked["viewer"]: self.view(asked["viewer"], emergency, grants, caps) for asked in world["asked"]}

    def part(self, grant):
        """What a grantor can give of the event, and which of its things; no things: nothing that the grant is about."""
        grantor = uid("Party", grant["grantor"])
        could = self.levels("own", grantor, self.event, giving=True, emergency=False)
        covered = self.covered(uid("Grant", grant["id"]), self.things)
        named = [thing["id"] for thing in self.children or self.things]
        if not named:
            # An event that names nothing is of no product or lot, and nothing of it can be in hand.
            chooses = grant["scope"]["gtins"] or grant["scope"]["lots"] or grant["fullIdentifier"]
            return could, None if chooses else set(), False
        shown = covered & self.seen(grantor, could["C7"], [thing["id"] for thing in self.things])
        part = shown & set(named)
        return could, (shown if part else None), len(part) < len(set(named))

    def view(self, viewer, emergency, grants, caps):
        me, names = uid("Party", viewer), [thing["id"] for thing in self.things]
        plain = self.levels("own", me, self.event, giving=False, emergency=False)
        own = self.levels("own", me, self.event, giving=False, emergency=True) if emergency else plain
        ways, things = {}, self.seen(me, own["C7"], names)
        for grant, could, part, is_slice in grants:
            if part is None:
                continue
            licensed = self.licensed(me, grant)
            given = self.levels("grant", me, uid("Grant", grant["id"]), slice=is_slice, licensed=licensed, readings=grant["readings"][viewer])
            if any(given.values()):
                for cap, touched in caps:
                    given = least(given, self.levels("cap", me, cap, touched=touched))
                ways[grant["id"]] = least(given, could)
                things |= part & self.seen(me, given["C7"], names)
        levels = own
        for way in ways.values():
            levels = best(levels, way)
        shows = levels["C0"] == "full" and levels["C3"] == "exact" and levels["C7"] is not None
        child = {thing["id"] for thing in self.children}
        if names and not things & (child or set(names)):
            shows = False
        if things & child:
            # What one's own is directly in belongs to what its owner may know of it.
            things |= set(names) - child
        return {"plain": plain, "own": own, "ways": ways, "levels": levels, "things": sorted(things) if shows else None}


def rank(of, level):
    return -1 if level is None else LADDER[of].index(level)


def least(one, other):
    return {of: min(one[of], other[of], key=lambda level: rank(of, level)) for of in LADDER}


def best(one, other):
    return {of: max(one[of], other[of], key=lambda level: rank(of, level)) for of in LADDER}


def reason(view, of):
    """The ways to the level of a class, as the hub names them."""
    level = view["levels"][of]
    if level is None:
        return ["nothing"]
    if view["plain"][of] == level:
        return ["relations"]
    if view["own"][of] == level:
        return ["emergency"]
    return [name for name, way in view["ways"].items() if way[of] == level]


def differences(rules, world, decisive):
    views = Judge(rules, world, decisive).decide()
    for asked in world["asked"]:
        view = views[asked["viewer"]]
        for of, (level, by) in asked["classes"].items():
            mine = view["levels"][of] or "-"
            if mine != level or by not in reason(view, of):
                yield f"{asked['viewer']} {of}: the hub says `{level}` by {by}, Cedar `{mine}` by {' or '.join(reason(view, of))}"
        if asked["things"] != view["things"]:
            yield f"{asked['viewer']} things: the hub shows {asked['things']}, Cedar {view['things']}; by {view['ways']}"


def judged(lines):
    """What differs in some worlds, with how many decisions there were and what came out of them."""
    rules, decisive, levels, found, decisions = Rules(Rules.texts()), Counter(), Counter(), [], 0
    for line in lines:
        world = json.loads(line)
        decisions += sum(len(asked["classes"]) for asked in world["asked"])
        levels.update(f"{of} {level}" for asked in world["asked"] for of, (level, _) in asked["classes"].items())
        differing = list(differences(rules, world, decisive))
        if differing:
            found.append("\n".join([f"world {world['world']}: {json.dumps(world)}", *differing]))
    return decisions, levels, decisive, found


def judge(path, least_decisions):
    decisions, levels, decisive, found = 0, Counter(), Counter(), []
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for part in pool.imap_unordered(judged, chunks(path)):
            decisions += part[0]
            levels.update(part[1])
            decisive.update(part[2])
            found += part[3]
    for text in found[:10]:
        print(text, end="\n\n")
    if found:
        sys.exit(f"the hub and Cedar differ in {len(found)} worlds")
    if decisions < least_decisions:
        sys.exit(f"{decisions} decisions, {least_decisions} were to be judged")
    wanted = [f"{of} {level}" for of, level in RUNGS] + [f"{of} -" for of in LADDER] + names(Rules.texts())
    rare = [name for name in wanted if (levels + decisive)[name] < OFTEN]
    if rare and decisions >= 100_000:
        sys.exit(f"these hardly occurred, which tells nothing of them: {', '.join(rare)}")
    print(f"Cedar and the hub agree on {decisions} decisions")


def names(texts):
    return re.findall(r'@id\("(.*?)"\)', "\n".join(texts.values()))


def chunks(path, size=50):
    with open(path, encoding="utf-8") as file:
        some = []
        for line in file:
            some.append(line)
            if len(some) == size:
                yield some
                some = []
        yield some


def planted(texts):
    """Each file with one fault: a rule, a clause, or a level of a rule left out."""
    for name, text in texts.items():
        for rule in re.finditer(r'@id\("(.*?)"\).*?;\n', text, re.S):
            yield f"{name}.cedar without `{rule[1]}`", name, text[: rule.start()] + text[rule.end():]
            for clause in re.finditer(r"^(?:when|unless) \{.*?\}(?=;?\n)", rule[0], re.M | re.S):
                start, end = rule.start() + clause.start(), rule.start() + clause.end()
                yield f"{name}.cedar, `{rule[1]}` without `{clause[0]}`", name, text[:start] + text[end:]
            for level in re.finditer(r'Action::"C\d+ [^"]*",?', rule[0]):
                start, end = rule.start() + level.start(), rule.start() + level.end()
                rest = text[:start] + text[end:]
                yield f"{name}.cedar, `{rule[1]}` without `{level[0]}`", name, re.sub(r",\s*\]", "]", rest)


def finds(part):
    """Which of some faults are found in some worlds: a fault that answers no question of a world otherwise changes nothing in it."""
    faults, lines = part
    sound, broken = Rules(Rules.texts()), {what: Rules(Rules.texts() | {name: text}) for what, (name, text) in faults.items()}
    found = set()
    for line in lines:
        world = json.loads(line)
        judge = Judge(sound, world, Counter())
        judge.decide()
        for what, (name, _) in faults.items():
            if what not in found and judge.differs(name, broken[what]) and any(differences(broken[what], world, Counter())):
                found.add(what)
    return found


def plant(path):
    faults = {what: (name, text) for what, name, text in planted(Rules.texts())}
    left, count, most = dict(faults), 0, os.cpu_count()
    with multiprocessing.Pool(most) as pool:
        for several in batched(chunks(path), most):
            if not left:
                break
            for found in pool.map(finds, [(left, lines) for lines in several]):
                for what in found:
                    left.pop(what, None)
            count += sum(map(len, several))
    for what in left:
        print(f"not found: {what}")
    print(f"{len(faults) - len(left)} of {len(faults)} planted faults were found in {count} worlds")
    if left or not faults:
        sys.exit("a fault was not found")


def batched(chunks_of, size):
    while some := [chunk for _, chunk in zip(range(size), chunks_of)]:
        yield some


if __name__ == "__main__":
    match sys.argv[1:]:
        case [path, "--planted"]:
            plant(path)
        case [path, least_decisions]:
            judge(path, int(least_decisions))
        case _:
            sys.exit(__doc__)
