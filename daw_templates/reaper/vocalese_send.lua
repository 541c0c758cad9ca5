-- Sends the selected MIDI items with their lyrics to a running Vocalese, as clips in place of those sent before.
local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or "./"
local vocalese = dofile(here .. "vocalese_midi.lua")
local TIMEOUT_MS = 30000

local function send()
  local song = vocalese.song()
  if not song then return vocalese.say("No MIDI item is selected. Select those that should be sent.") end
  local output, code = vocalese.run({ "send", vocalese.save(song) .. ".mid" }, TIMEOUT_MS)
  if code ~= 0 then vocalese.say(output) end
end

send()
