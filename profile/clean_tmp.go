package profile

func Clean(s string) string { return clean(s) }
