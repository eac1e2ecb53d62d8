//go:build !unix

package profile

func selfUsage() usage { return usage{} }
