package analyze

import "path/filepath"

// captureDir holds the recorded captures of the fixtures.
var captureDir = filepath.Join("..", "fixtures", "captures")
