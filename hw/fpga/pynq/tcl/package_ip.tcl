# Packages the design as an IP (IP-XACT) in the folder `ip`: two streams, AXI4-Lite with its registers, clock and reset.
# Reads the variables of settings.tcl, and `here`, this folder.

set ip $here/ip
file delete -force $ip
file mkdir $ip/src $ip/mem
foreach file [glob $here/rtl/mem/*] { file copy $file $ip/mem }

# Runs of Vivado have working folders of their own, so memory files get absolute names.
set staged {}
foreach name $sources {
  set input [open $here/rtl/$name r]
  set text [read $input]
  close $input
  set target $ip/src/[file tail $name]
  set output [open $target w]
  puts -nonewline $output [string map [list "\"mem/" "\"$ip/mem/"] $text]
  close $output
  lappend staged $target
}

create_project -force package $here/vivado_ip -part $part
add_files -norecurse $staged
set_property top $core_module [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir $ip -vendor askew -library pynq -taxonomy /UserIP -force

set core [ipx::current_core]
set_property name $core_module $core
set_property version 1.0 $core
set_property display_name {Askew network} $core
set_property description "Askew $askew_version, network $network_hash" $core

# The packager makes a map of its own for a slave that it infers; ours takes its place.
foreach map [ipx::get_memory_maps -of_objects $core] {
  ipx::remove_memory_map [get_property name $map] $core
}
set map [ipx::add_memory_map s_axi $core]
set_property slave_memory_map_ref s_axi [ipx::get_bus_interfaces s_axi -of_objects $core]
set block [ipx::add_address_block reg0 $map]
set_property range $core_range $block
set_property width 32 $block
set_property usage register $block
foreach entry $registers {
  lassign $entry name address access description
  set register [ipx::add_register $name $block]
  set_property address_offset $address $register
  set_property size 32 $register
  set_property access $access $register
  set_property description $description $register
}

ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project
