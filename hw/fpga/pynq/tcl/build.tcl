# From SystemVerilog to a bitstream for PYNQ: `vivado -mode batch -source build.tcl`. What it makes goes to the folder `out`:
# result.txt (what the router says), timing.rpt, utilization.rpt, and, where timing is met, the .bit and the .hwh.

set here [file normalize [file dirname [info script]]]
source $here/settings.tcl
file delete -force $here/out
file mkdir $here/out

source $here/package_ip.tcl

create_project -force $design $here/vivado -part $part
set boards [get_board_parts -quiet -latest_file_version $board_parts]
if {[llength $boards]} { set_property board_part [lindex $boards 0] [current_project] }
set_property ip_repo_paths [list $ip] [current_project]
update_ip_catalog
source $here/block_design.tcl

# A memory file that is not found would leave weights of zero.
set_msg_config -id {Synth 8-4445} -new_severity ERROR
generate_target all [get_files $design.bd]
set wrapper [make_wrapper -files [get_files $design.bd] -top]
add_files -norecurse [list $wrapper]
set_property top ${design}_wrapper [current_fileset]
update_compile_order -fileset sources_1

foreach run {synth_1 impl_1} {
  launch_runs $run -jobs 4
  wait_on_run $run
  if {[get_property PROGRESS [get_runs $run]] ne "100%"} {
    error "ERROR: $run did not finish: [get_property STATUS [get_runs $run]]"
  }
}
open_run impl_1
report_timing_summary -file $here/out/timing.rpt
report_utilization -file $here/out/utilization.rpt
set setup [get_property STATS.WNS [get_runs impl_1]]
set hold [get_property STATS.WHS [get_runs impl_1]]
if {$setup >= 0 && $hold >= 0} {
  write_bitstream -force $here/out/$design.bit
  set found [glob -nocomplain $here/vivado/$design.gen/sources_1/bd/$design/hw_handoff/$design.hwh \
    $here/vivado/$design.srcs/sources_1/bd/$design/hw_handoff/$design.hwh]
  if {![llength $found]} { error "ERROR: Vivado wrote no $design.hwh" }
  file copy -force [lindex $found 0] $here/out/$design.hwh
}
set result [open $here/out/result.txt w]
puts $result "slack_ns $setup\nhold_slack_ns $hold\nclock_hz $frequency\nboard_part {[lindex $boards 0]}"
close $result
