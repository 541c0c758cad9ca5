-- What the Vocalese scripts share: selected MIDI items as a Standard MIDI File with lyrics, and calling the command line.
-- `vocalese.song` and `vocalese.run` need REAPER; everything else is plain Lua.

local vocalese = {}

local TICKS_PER_QUARTER = 960
local LYRIC = 5 -- type of a text event, in REAPER as in MIDI files
local POLY_PRESSURE, CONTROL, CHANNEL_PRESSURE, BEND = 0xA0, 0xB0, 0xD0, 0xE0
local ORDER = { off = 1, text = 2, control = 3, on = 4 } -- on the same tick

local function ticks(quarters)
  return math.max(0, math.floor(quarters * TICKS_PER_QUARTER + 0.5))
end

local function variable_length(number)
  local bytes = string.char(number & 0x7F)
  while number > 0x7F do
    number = number >> 7
    bytes = string.char(0x80 | (number & 0x7F)) .. bytes
  end
  return bytes
end

local function meta(kind, content)
  return string.char(0xFF, kind) .. variable_length(#content) .. content
end

local function chunk(name, content)
  return name .. string.pack(">I4", #content) .. content
end

-- Events { tick, order, bytes } as a track, in time.
local function track_chunk(events)
  for index, event in ipairs(events) do
    event.index = index
  end
  table.sort(events, function(a, b)
    if a.tick ~= b.tick then return a.tick < b.tick end
    if a.order ~= b.order then return a.order < b.order end
    return a.index < b.index
  end)
  local parts, last = {}, 0
  for _, event in ipairs(events) do
    parts[#parts + 1] = variable_length(event.tick - last) .. event.bytes
    last = event.tick
  end
  parts[#parts + 1] = variable_length(0) .. meta(0x2F, "")
  return chunk("MTrk", table.concat(parts))
end

local function tempo_events(song)
  local events = {}
  for _, tempo in ipairs(song.tempo) do
    local microseconds = math.floor(tempo.seconds_per_quarter * 1e6 + 0.5)
    events[#events + 1] = { tick = ticks(tempo.quarter), order = ORDER.text, bytes = meta(0x51, string.pack(">I3", microseconds)) }
  end
  for _, meter in ipairs(song.meters) do
    local power = 0
    while (1 << power) < meter.denominator do power = power + 1 end
    local content = string.char(meter.numerator, power, 24, 8)
    events[#events + 1] = { tick = ticks(meter.quarter), order = ORDER.text, bytes = meta(0x58, content) }
  end
  return events
end

local function track_events(track)
  local events = { { tick = 0, order = 0, bytes = meta(0x03, track.name) } }
  local function add(quarter, order, bytes)
    events[#events + 1] = { tick = ticks(quarter), order = order, bytes = bytes }
  end
  for _, note in ipairs(track.notes) do
    add(note.start, ORDER.on, string.char(0x90 | note.channel, note.pitch, note.velocity))
    -- A note that ends on its own tick would have its end before its beginning.
    add(math.max(note.stop, note.start + 1 / TICKS_PER_QUARTER), ORDER.off, string.char(0x80 | note.channel, note.pitch, 0))
  end
  for _, lyric in ipairs(track.lyrics) do
    add(lyric.at, ORDER.text, meta(LYRIC, lyric.text))
  end
  for _, control in ipairs(track.controls) do
    add(control.at, ORDER.control, control.bytes)
  end
  return events
end

-- song = { tempo = {{quarter, seconds_per_quarter}}, meters = {{quarter, numerator, denominator}},
--          tracks = {{name, notes = {{start, stop, channel, pitch, velocity}}, lyrics = {{at, text}}, controls = {{at, bytes}}}} },
-- all positions in quarter notes from the start of the project. Returns the bytes of a type 1 file.
function vocalese.midi_file(song)
  local chunks = { chunk("MThd", string.pack(">I2I2I2", 1, #song.tracks + 1, TICKS_PER_QUARTER)), track_chunk(tempo_events(song)) }
  for _, track in ipairs(song.tracks) do
    chunks[#chunks + 1] = track_chunk(track_events(track))
  end
  return table.concat(chunks)
end

-- The tempo between each two cuts (quarter notes, ascending): exact at the cuts, also where the tempo glides in between.
function vocalese.tempo_between(cuts, seconds_at)
  local tempo = {}
  for index = 1, #cuts - 1 do
    local seconds = (seconds_at(cuts[index + 1]) - seconds_at(cuts[index])) / (cuts[index + 1] - cuts[index])
    if #tempo == 0 or math.abs(seconds - tempo[#tempo].seconds_per_quarter) > 5e-7 then
      tempo[#tempo + 1] = { quarter = cuts[index], seconds_per_quarter = seconds }
    end
  end
  return tempo
end

-- A command line from its words, for the shell of the system or for Windows' own rules.
function vocalese.command_line(words, is_windows)
  local quoted = {}
  for _, word in ipairs(words) do
    if is_windows then
      quoted[#quoted + 1] = '"' .. word:gsub('(\\*)"', '%1%1\\"'):gsub("(\\+)$", "%1%1") .. '"'
    else
      quoted[#quoted + 1] = "'" .. word:gsub("'", "'\\''") .. "'"
    end
  end
  return table.concat(quoted, " ")
end

-- Paths of the stems that `vocalese render --json` says it wrote, from its output.
function vocalese.stem_paths(output)
  local paths = {}
  for text in output:gmatch('"path": ?"(.-[^\\])"') do
    -- Pairs of backslashes go first, so that "\\u" is not taken for an escaped character.
    text = text:gsub("\\(.)(%x?%x?%x?%x?)", function(mark, digits)
      if mark == "u" and #digits == 4 then return utf8.char(tonumber(digits, 16)) end
      return (({ n = "\n", t = "\t" })[mark] or mark) .. digits
    end)
    paths[#paths + 1] = text
  end
  return paths
end

local function is_inside(quarter, first, last)
  return quarter >= first - 1e-6 and quarter < last - 1e-6
end

local function add_take(track, take, first, last)
  local function quarter_of(position) return reaper.MIDI_GetProjQNFromPPQPos(take, position) end
  local _, note_count, control_count, text_count = reaper.MIDI_CountEvts(take)
  for index = 0, note_count - 1 do
    local _, _, muted, start, stop, channel, pitch, velocity = reaper.MIDI_GetNote(take, index)
    local from = quarter_of(start)
    if not muted and is_inside(from, first, last) then
      local note = { start = from, stop = math.min(quarter_of(stop), last), channel = channel, pitch = pitch, velocity = velocity }
      track.notes[#track.notes + 1] = note
    end
  end
  for index = 0, text_count - 1 do
    local _, _, muted, position, kind, text = reaper.MIDI_GetTextSysexEvt(take, index)
    local at = quarter_of(position)
    if not muted and kind == LYRIC and is_inside(at, first, last) then
      track.lyrics[#track.lyrics + 1] = { at = at, text = text }
    end
  end
  for index = 0, control_count - 1 do
    local _, _, muted, position, kind, channel, one, two = reaper.MIDI_GetCC(take, index)
    local at = quarter_of(position)
    if not muted and is_inside(at, first, last) then
      local bytes
      if kind == CHANNEL_PRESSURE then
        bytes = string.char(kind | channel, one)
      elseif kind == CONTROL or kind == BEND or kind == POLY_PRESSURE then
        bytes = string.char(kind | channel, one, two)
      end
      if bytes then track.controls[#track.controls + 1] = { at = at, bytes = bytes } end
    end
  end
end

local function tempo_and_meters(last)
  local cuts, meters = {}, {}
  local numerator, denominator = reaper.TimeMap_GetTimeSigAtTime(0, 0)
  meters[1] = { quarter = 0, numerator = numerator, denominator = denominator }
  for quarter = 0, math.ceil(last) + 1 do cuts[#cuts + 1] = quarter end
  for index = 0, reaper.CountTempoTimeSigMarkers(0) - 1 do
    local _, seconds, _, _, _, upper, lower = reaper.GetTempoTimeSigMarker(0, index)
    local quarter = reaper.TimeMap2_timeToQN(0, seconds)
    cuts[#cuts + 1] = quarter
    if upper > 0 and quarter > 0 then meters[#meters + 1] = { quarter = quarter, numerator = upper, denominator = lower } end
  end
  table.sort(cuts)
  local apart = {}
  for _, cut in ipairs(cuts) do
    if #apart == 0 or cut - apart[#apart] > 1e-3 then apart[#apart + 1] = cut end
  end
  return vocalese.tempo_between(apart, function(quarter) return reaper.TimeMap2_QNToTime(0, quarter) end), meters
end

-- The selected MIDI items, one track of the song for each track of the project; nil where none is selected.
function vocalese.song()
  local tracks, by_number, last_quarter = {}, {}, 0
  for index = 0, reaper.CountSelectedMediaItems(0) - 1 do
    local item = reaper.GetSelectedMediaItem(0, index)
    local take = reaper.GetActiveTake(item)
    if take and reaper.TakeIsMIDI(take) then
      local source = reaper.GetMediaItemTrack(item)
      local number = reaper.GetMediaTrackInfo_Value(source, "IP_TRACKNUMBER") -- names need not differ
      if not by_number[number] then
        local _, name = reaper.GetTrackName(source)
        by_number[number] = { name = name, notes = {}, lyrics = {}, controls = {} }
        tracks[#tracks + 1] = by_number[number]
      end
      local start = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
      local stop = start + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
      local first, last = reaper.TimeMap2_timeToQN(0, start), reaper.TimeMap2_timeToQN(0, stop)
      add_take(by_number[number], take, first, last)
      last_quarter = math.max(last_quarter, last)
    end
  end
  if #tracks == 0 then return nil end
  local tempo, meters = tempo_and_meters(last_quarter)
  return { tempo = tempo, meters = meters, tracks = tracks }
end

-- Writes the song beside the project's media. Returns the path without suffix.
function vocalese.save(song)
  local project = reaper.GetProjectName(0):gsub("%.[^.]*$", "")
  local path = reaper.GetProjectPath() .. "/" .. (project ~= "" and project or "vocalese") .. "-vocalese"
  local file, problem = io.open(path .. ".mid", "wb")
  if not file then error(problem, 0) end
  file:write(vocalese.midi_file(song))
  file:close()
  return path
end

-- Runs `vocalese` with some arguments and waits. Returns what it printed, and an exit code: nil where it could not be started.
function vocalese.run(arguments, timeout_ms)
  local command = reaper.GetExtState("vocalese", "command")
  local words = { command ~= "" and command or "vocalese", table.unpack(arguments) }
  local line = vocalese.command_line(words, reaper.GetOS():find("Win") ~= nil)
  local result = reaper.ExecProcess(line, timeout_ms)
  if not result then
    return "vocalese could not be started. Install it, or run the action vocalese_command and give its path.", nil
  end
  local code, output = result:match("^(%-?%d+)\r?\n(.*)$")
  return output or result, tonumber(code)
end

function vocalese.say(text)
  reaper.ShowMessageBox(text, "Vocalese", 0)
end

return vocalese
