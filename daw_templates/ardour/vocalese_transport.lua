ardour {
  ["type"] = "EditorHook",
  name = "Vocalese: follow the transport",
  author = "Vocalese",
  license = "GPL",
  description = [[Tells a running Vocalese where the playhead is: at every start, stop and jump, and ten times a second while it moves.]],
}

function action_params ()
  return { ["port"] = { title = "OSC port of Vocalese", default = "57160" } }
end

function signals ()
  local set = LuaSignal.Set ()
  set:add ({ [LuaSignal.LuaTimerDS] = true }) -- every 0.1 s
  return set
end

-- Ardour keeps nothing of this file but what stands inside the factory.
function factory (params)
  local vocalese = ARDOUR.LuaOSC.Address ("osc.udp://127.0.0.1:" .. (params["port"] or "57160"))
  local last_state, last_sample = nil, nil

  local function quarters (position)
    return position:ticks () / Temporal.ticks_per_beat
  end

  return function (signal, ref, ...)
    local sample = Session:transport_sample ()
    local state = 0
    if Session:transport_rolling () then state = Session:actively_recording () and 2 or 1 end
    if state == last_state and sample == last_sample then return end
    last_state, last_sample = state, sample
    local position = Temporal.timepos_t (sample)
    local bpm = Temporal.TempoMap.read ():quarters_per_minute_at (position)
    -- As a double, which is exact here: for the type h this Ardour sends a double that is marked as one.
    vocalese:send ("/vocalese/transport", "iddd", state, sample, quarters (position), bpm)
  end
end
