"""What a whole block design must be: every pin driven, widths and clocks alike, every slave at an address."""

import itertools

from tests.support.vivado_catalogue import Shape


def check(vivado):
    """What is wrong with the connections, in words."""
    faults, shapes = [], {name: vivado.shape(name) for name in vivado.cells}
    interfaces = {f"{cell}/{name}": one for cell, shape in shapes.items() for name, one in shape.interfaces.items()}
    for cell, shape in shapes.items():
        faults += [f"{cell}/{pin}: nothing drives it" for pin in shape.inputs if f"{cell}/{pin}" not in vivado.nets]
        if shape.external and not vivado.automated:
            faults.append(f"{cell}: {shape.external} lead nowhere")
    for pin, driver in vivado.nets.items():
        (cell, _, name), (source, _, output) = pin.partition("/"), driver.partition("/")
        if shapes[cell].inputs[name] != shapes[source].outputs[output]:
            faults.append(f"{pin}: driven by {driver}, which is of another kind")
    clock = {path: vivado.nets.get(f"{path.partition('/')[0]}/{one.clock}") for path, one in interfaces.items()}
    for path, one in interfaces.items():
        other = vivado.links.get(path)
        if other is None:
            faults.append(f"{path}: not connected")
            continue
        end = interfaces[other]
        kinds = {one.protocol, end.protocol} - {"any"}
        if one.mode == end.mode or len(kinds) > 1 or ("axis" in kinds and "any" in (one.protocol, end.protocol)):
            faults.append(f"{path} and {other} do not go together")
        if one.width and end.width and one.width != end.width:
            faults.append(f"{path} has {one.width} bits, {other} has {end.width}")
        if clock[path] != clock[other]:
            faults.append(f"{path} and {other} have different clocks")
    return faults + check_addresses(vivado, shapes)


def check_addresses(vivado, shapes):
    """Every master reaches every slave behind it at an address of its own, and within its reach."""
    faults = []
    aperture = {"processing_system7": (0x4000_0000, 0x8000_0000), "zynq_ultra_ps_e": (0xA000_0000, 0xB000_0000)}
    for cell, shape in shapes.items():
        for space, (port, bits) in shape.spaces.items():
            middle = vivado.links.get(f"{cell}/{port}", "").partition("/")[0]
            ends = [] if middle not in shapes else [
                vivado.links.get(f"{middle}/{name}", "/") for name, one in shapes[middle].interfaces.items()
                if one.mode == "master"
            ]  # fmt: skip
            wanted = {
                f"{end.partition('/')[0]}/{segment}"
                for end in ends
                for segment, interface in shapes.get(end.partition("/")[0], Shape()).segments.items()
                if interface == end.partition("/")[2]
            }
            mine = [row for row in vivado.addresses if row[0] == f"{cell}/{space}"]
            if sorted(row[1] for row in mine) != sorted(wanted):
                faults.append(f"{cell}/{space}: addresses of {[row[1] for row in mine]}, wanted {sorted(wanted)}")
            low, high = aperture.get(vivado.cells[cell]["vlnv"].rpartition(":")[2], (0, 1 << bits))
            for _, segment, base, size in mine:
                if not low <= base < base + size <= high:
                    faults.append(f"{segment}: {base:#x} is out of reach of {cell}/{space}")
            spans = sorted((base, base + size) for _, _, base, size in mine)
            if any(before[1] > after[0] for before, after in itertools.pairwise(spans)):
                faults.append(f"{cell}/{space}: addresses overlap")
    return faults
