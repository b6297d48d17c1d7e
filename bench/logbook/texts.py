"""Generates typical texts of people and programs from a seed: words by Zipf's law, commands, errors, sentences, some HTML."""

import itertools
import random

REAL = """beam scan sample mono detector energy the at of to is a in and with for on shutter open closed slit motor position
counts intensity lost back dump ring current top-up refill vacuum pressure valve hutch interlock search temperature cryo
stream alignment crystal mirror focus undulator gap harmonic flux diode camera image exposure frames rate threshold dark
flat field calibration calibrated reference standard silver behenate lanthanum ceria edge absorption fluorescence spectrum
iron copper zinc nickel cobalt pixel mask centre distance rotation axis spindle capillary holder changed mounted broken
leak pump restarted server crashed timeout retry failed error warning good bad better worse noise signal background
subtracted repeated overnight shift morning user local contact called operator test again new old first last series
stopped started paused finished continue check looks fine strange drift stable unstable moved offset zero scale fit
peak width resolution powder film wire foil glass Größe Ångström µm näher dose damage radiation loop pin puck robot
parked homed limit switch encoder controller cable unplugged replaced spare tomorrow night""".split()
SYLLABLES = "ba be bi bo da de di do fa fe ga go ha he ka ke ki ko la le li lo ma me mi mo na ne no pa pe ra re ri ro sa se so ta te ti to va ve vo".split()
COMMANDS = [
    "ascan mono {a:.1f} {b:.1f} {n} 0.1", "dscan samx -{a:.2f} {b:.2f} {n} {t}", "mv samz {a:.3f}", "umv gap {b:.2f}",
    "loopscan {n} {t}", "fasttomo.full_turn_scan(0, 360, {n}, {t})", "newdataset('{d}')", "amesh samy {a:.1f} {b:.1f} {n} samz 0 1 {n} {t}",
    "sct {t}", "wm mono gap slits1.hgap slits1.vgap", "shopen()", "shclose()", "align.beam(pinhole={n})",
]
INFOS = ["{d}: scan {n} finished, {n} points in {b:.1f} s", "Proposal set to {p}", "{w} {w2} at {a:.2f} mm", "Saved {d}_{n:04}.h5",
         "Mono energy {b:.3f} keV, undulator gap {a:.2f} mm"]
ERRORS = ["RuntimeError: axis {w} is on its limit switch ({a:.3f})", "TimeoutError: detector {w} did not answer in {t} s",
          "DeviceError: {w} {w2} failed at point {n}"]
DEBUGS = ["{w}.prepare took {a:.3f} s", "{w} state changed from READY to MOVING", "lima.{w}: {n} frames in memory"]
TAGS = ["beam", "Night shift", "to do", "calibration", "problem", "figure", "sample change", "alignment", "radiation damage", "Öl", "publication", "vacuum"]
PEOPLE = [("alice", "Alice Example"), ("member", "Member Example")]
# What is asked for; see `Texts.plant`.
RARE, RARE_TAG, PLANTED = "zirkoniumquench", "remember this", 20


class Texts:
    def __init__(self, seed):
        self.random = random.Random(seed)
        made = ("".join(parts) for parts in itertools.product(SYLLABLES, repeat=3))
        made = self.random.sample(list(made), 4000 - len(REAL))
        self.words = REAL + made
        self.weights = list(itertools.accumulate(1 / rank for rank in range(1, len(self.words) + 1)))

    def some(self, count):
        return self.random.choices(self.words, cum_weights=self.weights, k=count)

    def sentence(self):
        words = self.some(self.random.randint(5, 18))
        # What is searched for as a phrase; the words alone are far more frequent.
        if self.random.random() < 0.02:
            words[2:2] = ["beam", "dump"]
        return " ".join(words).capitalize() + "."

    def of(self, forms):
        r = self.random
        word, other = self.some(2)
        return r.choice(forms).format(a=r.uniform(0, 20), b=r.uniform(5, 40), n=r.choice([10, 40, 100, 600]), t=r.choice([0.1, 0.5, 1, 5]),
                                      d=f"sample_{r.randint(1, 300):04}", p=f"BM-{r.randint(1, 200)}", w=word, w2=other)

    def notification(self):
        """As pyicat-plus sends it: type, category, contents, tags, and the name of a dataset or none."""
        r = self.random
        (category, forms), = r.choices([("commandline", COMMANDS), ("info", INFOS), ("debug", DEBUGS), ("error", ERRORS)], [60, 28, 9, 3])
        text = self.of(forms)
        tags = [r.choice(TAGS)] if r.random() < 0.02 else []
        dataset = f"sample_{r.randint(1, 300):04}" if r.random() < 0.3 else None
        return {"type": "notification", "category": category, "content": [{"format": "plainText", "text": text}], "tags": tags,
                "datasetName": dataset, "software": "pyicat-plus_v3.1.0", "machine": "bl-control"}

    def annotation(self):
        """As portals send it: often as HTML besides."""
        r = self.random
        sentences = [self.sentence() for _ in range(r.randint(1, 5))]
        plain = {"format": "plainText", "text": " ".join(sentences)}
        html = {"format": "html", "text": f"<p>{' '.join(sentences[:-1])} <b>{sentences[-1]}</b></p>"}
        content = r.choice([[plain], [plain, html], [html]])
        tags = r.sample(TAGS, r.randint(1, 2)) if r.random() < 0.3 else []
        username, full_name = r.choice(PEOPLE)
        return {"type": "annotation", "category": "comment", "content": content, "tags": tags, "username": username,
                "fullName": full_name, "title": self.sentence()[:40] if r.random() < 0.1 else None}

    def entry(self):
        return self.annotation() if self.random.random() < 0.1 else self.notification()

    @staticmethod
    def plant(entry):
        """A word and a tag that only some entries have."""
        part = entry["content"][0]
        end = "</p>" if part["format"] == "html" else ""
        part["text"] = part["text"].removesuffix(end) + f" {RARE}" + end
        if len(entry["content"]) == 2:
            entry["content"].pop()
        entry["tags"] = [*entry["tags"], RARE_TAG]
        return entry
