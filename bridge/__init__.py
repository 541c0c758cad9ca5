"""Everything around the engine: the command line, stems on disk, the examples. Knows the engine by what `engine` exports."""
