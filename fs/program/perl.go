// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"slices"
	"strings"
)

var perl = &language{interpreter: "perl", suffixes: []string{".pm", ".pl"}}

var (
	// perlModules are the directories of Debian, of the official images, of Alpine
	// and of Fedora.
	perlModules = &places{[]string{
		"/usr/local/lib/perl5/site_perl/*/*", "/usr/local/lib/perl5/site_perl/*", "/usr/local/lib/perl5/*/*", "/usr/local/lib/perl5/*",
		"/etc/perl", "/usr/local/lib/*/perl/*", "/usr/local/share/perl/*",
		"/usr/lib/*/perl5/*", "/usr/share/perl5", "/usr/lib/*/perl-base", "/usr/lib/*/perl/*", "/usr/share/perl/*",
		"/usr/share/perl5/vendor_perl", "/usr/share/perl5/core_perl", "/usr/lib/perl5/vendor_perl", "/usr/lib/perl5/core_perl",
		"/usr/lib64/perl5/vendor_perl", "/usr/lib64/perl5",
	}}
	// perlParents are modules whose arguments are modules.
	perlParents = []string{"base", "parent", "Mojo::Base"}
)

// perlNames are the modules that a Perl file loads when it is compiled: those of
// use, wherever it is, and of require at the top.
func perlNames(text string) (names []string) {
	inPod := false // documentation
	for line := range strings.Lines(text) {
		if line[0] == '=' {
			inPod = !strings.HasPrefix(line, "=cut")
			continue
		}
		if inPod {
			continue
		}
		if strings.HasPrefix(line, "__END__") || strings.HasPrefix(line, "__DATA__") || len(names) >= maxNames {
			break
		}
		rest, ok := strings.CutPrefix(line, "require ")
		if !ok {
			rest, ok = strings.CutPrefix(strings.TrimLeft(line, " \t"), "use ")
		}
		if !ok {
			continue
		}
		isParent := false
		for word := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r != ':' && r != '_' && !isLetter(r) && !isDigit(r) }) {
			if !isParent && isDigit(rune(word[0])) { // a version
				break
			}
			names = append(names, word)
			if isParent = isParent || slices.Contains(perlParents, word); !isParent || len(names) >= maxNames {
				break
			}
		}
	}
	return names
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// addPerl adds the modules that f names, and the libraries of those that have
// one. A module is looked for in the directories of modules, and in those around f
// for programs that have their own.
func (s *start) addPerl(f File, text string) {
	dir := path.Dir(f.Path)
	roots := append([]string{dir, path.Join(dir, "lib"), path.Join(dir, "../lib")}, s.among(perlModules)...)
	for _, name := range perlNames(text) {
		if s.over() {
			return
		}
		if len(name) > maxNamed {
			continue
		}
		module := strings.ReplaceAll(name, "::", "/")
		library := path.Join("auto", module, path.Base(module)+".so")
		for _, root := range roots {
			if s.addFirst(path.Join(root, module+".pm")) {
				break
			}
		}
		for _, root := range roots {
			if s.addFirst(path.Join(root, library)) {
				break
			}
		}
	}
}
