"""The stand-in for Vivado: its Tcl interpreter, how commands take arguments, projects and properties."""

import json
import re
from pathlib import Path


class RefusedError(Exception):
    """What Vivado would answer with an error."""


class Process:
    """A Tcl interpreter with commands, projects, files and properties."""

    def __init__(self, setup="0.113", hold="0.021", boards=(), fails=""):
        self.setup, self.hold, self.boards, self.fails = setup, hold, boards, fails
        import tkinter

        self.tcl = tkinter.Tcl()
        self.tcl.eval("namespace eval ipx {}; namespace eval stub {}")
        self.project, self.ip, self.repository = None, None, {}
        self.cells, self.nets, self.links, self.addresses = {}, {}, {}, []
        self.design, self.validated, self.automated = None, False, False
        self.properties, self.runs, self.done = {}, [], []
        for name in dir(self):
            if name.startswith("do_"):
                self._register(name[3:].replace("ipx__", "ipx::"), getattr(self, name))

    def _register(self, command, function):
        def call(*words):
            try:
                found = function(*words)
            except RefusedError as error:
                return ("0", f"ERROR: [{command}] {error}")
            except TypeError as error:
                return ("0", f"ERROR: [{command}] wrong arguments {words}: {error}")
            return ("1", "" if found is None else found)

        inner = f"::stub::{command.replace('::', '__')}"
        self.tcl.createcommand(inner, call)
        self.tcl.eval(
            f"proc ::{command} args {{ lassign [{inner} {{*}}$args] ok value\n"
            "if {!$ok} { error $value }\nreturn $value }"
        )

    def source(self, script):
        """Run a script; tkinter.TclError with what was refused."""
        self.tcl.eval(f"source {{{script}}}")

    def _options(self, words, valued=(), flags=(), positional=(0, 0)):
        """Options and the rest; refuses what the command does not have."""
        given, rest, words = {}, [], list(words)
        while words:
            word = words.pop(0)
            if re.fullmatch(r"-[a-z_]+", word):
                name = word[1:]
                if name in valued:
                    if not words:
                        raise RefusedError(f"missing value of {word}")
                    given[name] = words.pop(0)
                elif name in flags:
                    given[name] = True
                else:
                    raise RefusedError(f"unknown option '{word}'")
            else:
                rest.append(word)
        if not positional[0] <= len(rest) <= positional[1]:
            raise RefusedError(f"{len(rest)} positional arguments {rest}")
        return given, rest

    def _list(self, text):
        return list(self.tcl.splitlist(text))

    # Projects and files.
    def do_create_project(self, *words):
        given, (name, folder) = self._options(words, ("part",), ("force", "in_memory"), (2, 2))
        if self.project:
            raise RefusedError(f"project {self.project['name']} is open")
        if not re.fullmatch(r"xc[a-z0-9]+-?[a-zA-Z0-9-]+", given["part"]):
            raise RefusedError(f"part {given['part']} not found")
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.project = {"name": name, "folder": Path(folder), "part": given["part"], "files": [], "board_part": ""}
        return name

    def do_close_project(self):
        self._open()
        self.project = None

    def _open(self):
        if self.project is None:
            raise RefusedError("no open project")
        return self.project

    def do_current_project(self):
        self._open()
        return "PROJECT"

    def do_current_fileset(self):
        self._open()
        return "FILESET"

    def do_add_files(self, *words):
        _, (files,) = self._options(words, ("fileset",), ("norecurse",), (1, 1))
        for file in self._list(files):
            if not Path(file).is_file():
                raise RefusedError(f"file {file} does not exist")
            self._open()["files"].append(Path(file))

    def do_update_compile_order(self, *words):
        given, _ = self._options(words, ("fileset",))
        if given["fileset"] != "sources_1":
            raise RefusedError(f"no fileset {given['fileset']}")

    def do_get_files(self, name):
        found = [str(file) for file in self._open()["files"] if file.name == name]
        if not found:
            raise RefusedError(f"no files matched '{name}'")
        return found[0]

    def do_get_board_parts(self, *words):
        given, patterns = self._options(words, (), ("quiet", "latest_file_version"), (1, 1))
        matching = [board for board in self.boards if self.tcl.call("string", "match", patterns[0], board)]
        if not matching and "quiet" not in given:
            raise RefusedError("no board parts matched")
        return tuple(matching)

    def do_update_ip_catalog(self, *words):
        self._options(words, (), ("rebuild",))
        for folder in self._list(self._open()["ip_repo_paths"]):
            for component in Path(folder).glob("component.json"):
                packaged = json.loads(component.read_text())
                self.repository[packaged["vlnv"]] = packaged

    def do_set_msg_config(self, *words):
        given, _ = self._options(words, ("id", "new_severity"))
        if given["new_severity"] not in ("ERROR", "WARNING", "CRITICAL WARNING", "INFO", "STATUS"):
            raise RefusedError(f"no severity {given['new_severity']}")

    # Properties.
    def do_set_property(self, *words):
        given, rest = self._options(words, ("dict",), (), (1, 3))
        pairs = self._list(given["dict"]) if "dict" in given else rest[:-1]
        if len(pairs) % 2 or len(rest) != (1 if "dict" in given else 3):
            raise RefusedError(f"names and values {pairs}, objects {rest}")
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            self._set(rest[-1], name, value)

    def _set(self, target, name, value):
        if target in ("PROJECT", "FILESET"):
            known = {"PROJECT": ("board_part", "ip_repo_paths"), "FILESET": ("top",)}[target]
            if name not in known:
                raise RefusedError(f"{target} has no property {name}")
            if name == "board_part" and value not in self.boards:
                raise RefusedError(f"no board part {value}")
            self._open()[name] = value
        elif target.startswith("ipx:"):
            kind = target.split(":")[1]
            known = {
                "core": ("name", "version", "display_name", "description"),
                "busif": ("slave_memory_map_ref",),
                "block": ("range", "width", "usage"),
                "register": ("address_offset", "size", "access", "description"),
            }[kind]
            if name not in known:
                raise RefusedError(f"{target} has no property {name}")
            if name == "access" and value not in ("read-only", "write-only", "read-write"):
                raise RefusedError(f"access {value}")
            self.properties.setdefault(target, {})[name] = value
        elif target.startswith("cell:"):
            cell = self.cells[target[5:]]
            if not name.startswith("CONFIG.") or name[7:] not in cell["keys"]:
                raise RefusedError(f"{target} has no property {name}")
            allowed = cell["keys"][name[7:]][1]
            if (allowed is not None and value not in allowed) or (allowed is None and not float(value) > 0):
                raise RefusedError(f"{target}: {name} cannot be {value}")
            cell["config"][name[7:]] = value
        else:
            raise RefusedError(f"{target} is no object")

    def do_get_property(self, name, target):
        if target == "PROJECT":
            return self._open()[name]
        if target.startswith("run:"):
            values = {"PROGRESS": "100%", "STATUS": "complete", "STATS.WNS": self.setup, "STATS.WHS": self.hold}
            if self.fails == target[4:]:
                values |= {"PROGRESS": "34%", "STATUS": "place_design ERROR"}
            return values[name]
        if target.startswith("pin:") and name == "CONFIG.FREQ_HZ":
            (cell,) = [cell for cell in self.cells.values() if "FREQMHZ" in str(cell["config"])]
            asked = next(float(value) for key, value in cell["config"].items() if key.endswith("FREQMHZ"))
            return str(round(1e9 / round(1e3 / asked)))  # of 1 GHz divided by a whole number
        if target.startswith("ipx:") and name == "name":
            return target.rpartition(":")[2]
        raise RefusedError(f"{target} has no property {name}")
