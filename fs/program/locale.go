// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"strings"
	"unicode"
)

const (
	// localeDir is where the C library has a directory for each locale, and
	// localeArchive the locales that have none.
	localeDir     = "/usr/lib/locale"
	localeArchive = "locale-archive"
	// utf8Locale is what interpreters choose if the environment names no locale.
	utf8Locale = "C.UTF-8"
)

var (
	// localeVariables name the locale of a program, the first first.
	localeVariables = []string{"LC_ALL", "LC_CTYPE", "LANG"}
	// charsets are where the table of character sets is that the C library reads
	// with a locale.
	charsets = []string{
		"/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache", "/usr/lib/aarch64-linux-gnu/gconv/gconv-modules.cache",
		"/usr/lib64/gconv/gconv-modules.cache", "/usr/lib/gconv/gconv-modules.cache",
	}
)

// localeOf is the locale that an environment names, or "".
func localeOf(env []string) string {
	for _, name := range localeVariables {
		for _, e := range env {
			if v, ok := strings.CutPrefix(e, name+"="); ok && v != "" {
				return v
			}
		}
	}
	return ""
}

// isLocale says whether a word of a command names a locale that has files.
func isLocale(word string) bool {
	_, charset, ok := strings.Cut(word, ".")
	return ok && normalCharset(charset) == "utf8"
}

// normalCharset is the name of a character set in those of directories: UTF-8 is
// utf8 there.
func normalCharset(name string) string {
	return strings.Map(func(r rune) rune {
		if isLetter(r) || isDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// addLocale adds what the C library reads when a program sets a locale.
func (s *start) addLocale(name string) {
	if name == "" || name == "C" || name == "POSIX" || strings.Contains(name, "/") || len(name) > maxNamed {
		return
	}
	s.addFirst(charsets...)
	language, charset, _ := strings.Cut(name, ".")
	for _, dir := range []string{name, language + "." + normalCharset(charset)} {
		files := s.list(path.Join(localeDir, dir), maxListedDirs)
		for _, f := range files {
			s.add(f.File, f.isFile)
		}
		if len(files) > 0 {
			return
		}
	}
	s.addFirst(path.Join(localeDir, localeArchive))
}
