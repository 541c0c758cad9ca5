ardour {
  ["type"] = "SessionInit",
  name = "Vocalese",
  author = "Vocalese",
  license = "GPL",
  description = [[A session to sing in: a MIDI track for the melody, an audio track that Vocalese plays into, and one for rendered stems.]],
}

function factory ()
  return function ()
    local order, mode = ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal
    local midi, stereo = ARDOUR.ChanCount (ARDOUR.DataType ("midi"), 1), ARDOUR.ChanCount (ARDOUR.DataType ("audio"), 2)
    Session:new_midi_track (midi, midi, true, ARDOUR.PluginInfo (), nil, nil, 1, "Melody", order, mode, true)
    for _, name in ipairs ({ "Vocalese live", "Vocalese stems" }) do
      Session:new_audio_track (stereo:n_audio (), stereo:n_audio (), nil, 1, name, order, mode, true)
    end
    Session:save_state ("")
  end
end
