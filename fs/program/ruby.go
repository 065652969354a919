// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"strings"
)

var ruby = &language{interpreter: "ruby", suffixes: []string{".rb", ".ru"}}

var (
	// rubyLibraries are the directories of Debian, of the official images, of Alpine
	// and of Fedora.
	rubyLibraries = &places{[]string{
		"/usr/local/lib/ruby/*", "/usr/local/lib/ruby/*/*",
		"/usr/lib/ruby/vendor_ruby", "/usr/lib/ruby/*", "/usr/lib/*/ruby/*", "/usr/lib/*/ruby/vendor_ruby/*", "/usr/lib/ruby/*/*",
		"/usr/share/ruby", "/usr/lib64/ruby", "/usr/share/rubygems",
	}}
	// rubyGems are the directories of gems, and rubySpecs of what describes them.
	rubyGems = &places{[]string{
		"/usr/local/bundle/gems/*/lib", "/usr/local/bundle/ruby/*/gems/*/lib", "/usr/local/lib/ruby/gems/*/gems/*/lib",
		"/usr/share/rubygems-integration/*/gems/*/lib", "/usr/lib/*/rubygems-integration/*/gems/*/lib", "/usr/lib/ruby/gems/*/gems/*/lib",
		"/var/lib/gems/*/gems/*/lib", "/usr/share/gems/gems/*/lib",
		"/usr/local/bundle/extensions/*/*/*", "/usr/local/lib/ruby/gems/*/extensions/*/*/*", "/usr/lib/*/rubygems-integration/*/extensions/*/*/*",
		"/usr/lib/ruby/gems/*/extensions/*/*/*", "/var/lib/gems/*/extensions/*/*/*",
	}}
	rubySpecs = &places{[]string{
		"/usr/local/bundle/specifications", "/usr/local/lib/ruby/gems/*/specifications", "/usr/local/lib/ruby/gems/*/specifications/default",
		"/usr/share/rubygems-integration/*/specifications", "/usr/lib/*/rubygems-integration/*/specifications", "/usr/lib/ruby/gems/*/specifications", "/usr/lib/ruby/gems/*/specifications/default",
		"/var/lib/gems/*/specifications", "/usr/share/gems/specifications", "/usr/share/gems/specifications/default",
	}}
	// rubyBoot is what the interpreter loads before a program.
	rubyBoot = []string{"enc/encdb", "enc/trans/transdb", "rubygems", "rbconfig", "monitor", "error_highlight", "did_you_mean", "syntax_suggest/core"}
)

// rubyNames are what the requires at the top of a file name, or in a class or a
// begin there: files from the directory of it, and features.
func rubyNames(text string) (files, features []string) {
	for line := range strings.Lines(text) {
		if len(files)+len(features) >= maxNames {
			break
		}
		rest, ok := cutIndented(line, "require")
		if !ok {
			continue
		}
		rest, relative := strings.CutPrefix(rest, "_relative")
		name, ok := quoted(strings.TrimLeft(rest, " \t("))
		switch {
		case !ok:
		case relative:
			files = append(files, name)
		default:
			features = append(features, name)
		}
	}
	return files, features
}

// addRubyBoot adds what the interpreter loads.
func (s *start) addRubyBoot() {
	for _, name := range rubyBoot {
		s.addFeature(name)
	}
	for _, dir := range s.among(rubySpecs) {
		for _, f := range s.list(dir, maxListedDirs) {
			s.add(f.File, f.isFile && strings.HasSuffix(f.name, ".gemspec"))
		}
	}
}

// addRuby adds the files that f requires.
func (s *start) addRuby(f File, text string) {
	files, features := rubyNames(text)
	for _, name := range files {
		s.addFirst(path.Join(path.Dir(f.Path), strings.TrimSuffix(name, ".rb")+".rb"))
	}
	for _, name := range features {
		s.addFeature(name)
	}
}

// addFeature adds what a require of name loads.
func (s *start) addFeature(name string) {
	if s.over() {
		return
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".rb"), ".so")
	for _, p := range []*places{rubyLibraries, rubyGems} {
		for _, root := range s.among(p) {
			if s.addFirst(path.Join(root, name+".rb"), path.Join(root, name+".so")) {
				return
			}
		}
	}
}
