-- Sings the selected MIDI items with their lyrics and puts the stems on new tracks, at the start of the project.
local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or "./"
local vocalese = dofile(here .. "vocalese_midi.lua")

local function render()
  local song = vocalese.song()
  if not song then return vocalese.say("No MIDI item is selected. Select those that should be sung.") end
  local path = vocalese.save(song)
  local arguments = { "render", path .. ".mid", "-o", path .. "-stems", "--overwrite", "--json" }
  local output, code = vocalese.run(arguments, 0)
  if code ~= 0 then return vocalese.say(output) end
  reaper.Undo_BeginBlock()
  local cursor = reaper.GetCursorPosition()
  for _, stem in ipairs(vocalese.stem_paths(output)) do
    reaper.SetEditCurPos(0, false, false) -- stems start with the project
    reaper.InsertMedia(stem, 1) -- 1: on a new track
  end
  reaper.SetEditCurPos(cursor, false, false)
  reaper.Undo_EndBlock("Vocalese: sing selected items", -1)
end

render()
