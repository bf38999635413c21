"""Finding the Xilinx tools. Oracle: folders laid out as the installers of 2022.2 and 2024.2 lay them out."""

import pytest

from finn_build.compiler.boards import find_board
from finn_build.container.xilinx import find_tools
from finn_build.errors import FinnError


@pytest.fixture
def install(tmp_path):
    def make(*tools):
        for tool in tools:
            folder = tmp_path / "Xilinx" / tool
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "settings64.sh").touch()
        return {"XILINX_ROOT": str(tmp_path / "Xilinx")}

    return make


@pytest.fixture(scope="module")
def board():
    return find_board("Pynq-Z2")


@pytest.mark.parametrize(
    ("tools", "version"),
    [
        (("Vivado/2022.2", "Vitis_HLS/2022.2"), "2022.2"),
        (("Vivado/2024.2", "Vitis/2024.2"), "2024.2"),
        (("Vivado/2022.2", "Vitis_HLS/2022.2", "Vivado/2024.2", "Vitis/2024.2", "Vivado/2021.1"), "2024.2"),
    ],
)
def test_versions(install, board, tools, version):
    assert find_tools(board, install(*tools)).version == version


def test_chosen_version(install, board):
    environment = install("Vivado/2022.2", "Vitis_HLS/2022.2", "Vivado/2024.2", "Vitis/2024.2")
    assert find_tools(board, environment | {"XILINX_VERSION": "2022.2"}).version == "2022.2"


@pytest.mark.parametrize(
    ("tools", "more", "reason"),
    [
        (("Vivado/2021.1", "Vitis_HLS/2021.1"), {}, r"has Vivado 2021\.1, FINN supports 2024\.2 or 2022\.2"),
        (("Vivado",), {}, r"has Vivado of no version, FINN supports"),
        (("Vivado/2022.2",), {}, r"has Vivado 2022\.2 but not Vitis HLS 2022\.2"),
        (("Vivado/2022.2", "Vitis/2022.2"), {"XILINX_VERSION": "2024.2"}, r"has Vivado 2022\.2, FINN supports 2024\.2"),
        (
            ("Vivado/2022.2",),
            {"XILINX_VERSION": "2020.1"},
            r"XILINX_VERSION \(2020\.1\): must be one that FINN supports",
        ),
        (("Vitis/2022.2",), {}, r"XILINX_ROOT \(.*\): has no folder Vivado"),
    ],
)
def test_other_versions(install, board, tools, more, reason):
    with pytest.raises(FinnError, match=reason):
        find_tools(board, install(*tools) | more)


def test_half_an_installation(install, board, tmp_path):
    environment = install("Vivado/2022.2", "Vitis/2022.2")
    (tmp_path / "Xilinx" / "Vivado" / "2022.2" / "settings64.sh").unlink()
    with pytest.raises(FinnError, match=r"Vivado/2022\.2 has no settings64\.sh"):
        find_tools(board, environment)


@pytest.mark.parametrize("environment", [{}, {"XILINX_ROOT": ""}])
def test_root_is_not_set(board, environment):
    with pytest.raises(FinnError, match=r"XILINX_ROOT is not set: a bitstream needs Vivado and Vitis HLS 2024\.2 or"):
        find_tools(board, environment)


def test_licences(install, board, tmp_path):
    licence = tmp_path / "a.lic"
    licence.touch()
    environment = install("Vivado/2022.2", "Vitis/2022.2")
    environment |= {"XILINXD_LICENSE_FILE": f"{licence}:2100@server", "LM_LICENSE_FILE": str(licence)}
    tools = find_tools(board, environment)
    assert tools.licence_files == (licence,)
    assert tools.licence_servers == ("2100@server",)


def test_licence_that_is_not_there(install, board):
    environment = install("Vivado/2022.2", "Vitis/2022.2") | {"XILINXD_LICENSE_FILE": "/no/such.lic"}
    with pytest.raises(FinnError, match=r"XILINXD_LICENSE_FILE names /no/such\.lic, which is no file"):
        find_tools(board, environment)


def test_large_device_without_a_licence(install):
    environment = install("Vivado/2022.2", "Vitis/2022.2")
    with pytest.raises(FinnError, match="board ZCU102: Vivado's free edition cannot build for xczu9eg"):
        find_tools(find_board("ZCU102"), environment)
    assert find_tools(find_board("ZCU102"), environment | {"XILINXD_LICENSE_FILE": "2100@server"}).licence_servers


def test_alveo_wants_its_platform(install, tmp_path):
    environment = install("Vivado/2022.2", "Vitis/2022.2") | {"PLATFORM_REPO_PATHS": str(tmp_path / "platforms")}
    with pytest.raises(FinnError, match="board U250: needs its Vitis platform, .* set PLATFORM_REPO_PATHS"):
        find_tools(find_board("U250"), environment)
    (tmp_path / "platforms").mkdir()
    assert find_tools(find_board("U250"), environment).platforms == tmp_path / "platforms"
