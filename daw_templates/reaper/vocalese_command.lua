-- Asks where the command `vocalese` is, for installations that REAPER does not find by itself, and remembers it.
local known = reaper.GetExtState("vocalese", "command")
local is_given, command = reaper.GetUserInputs("Vocalese", 1, "Path of vocalese:,extrawidth=300", known)
if is_given then reaper.SetExtState("vocalese", "command", command, true) end
