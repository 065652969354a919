// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"strings"
)

const (
	// packageMark is read first of an R package that is loaded; its name is
	// packageFile.
	packageMark = "Meta/" + packageFile
	packageFile = "package.rds"
	// maxDependencies is how many packages are looked for that one needs.
	maxDependencies = 256
)

// rLibraries are where R packages are.
var rLibraries = []string{"/usr/local/lib/R/site-library", "/usr/lib/R/site-library", "/usr/lib/R/library", "/usr/local/lib/R/library", "/usr/lib64/R/library"}

// isRPackage says whether a file is the mark of an R package.
func isRPackage(name string) bool { return strings.HasSuffix(name, "/"+packageMark) }

// dependencies are the packages that a package's DESCRIPTION says are loaded with
// it, up to maxDependencies, R itself among them.
func dependencies(description string) (names []string) {
	in := false
	for line := range strings.Lines(description) {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			var field string
			field, line, _ = strings.Cut(line, ":")
			in = field == "Depends" || field == "Imports"
		}
		if !in {
			continue
		}
		for part := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(part, "(")
			if len(names) >= maxDependencies {
				return names
			}
			if name = strings.TrimSpace(name); name != "" && !strings.Contains(name, "/") {
				names = append(names, name)
			}
		}
	}
	return names
}

// addRPackage adds what is read when the package with mark f is loaded, and the
// packages that it needs.
func (s *start) addRPackage(f File) {
	home := path.Dir(path.Dir(f.Path))
	for _, dir := range []string{"R", "Meta", "libs"} {
		for _, f := range s.image.list(path.Join(home, dir), maxFiles) {
			s.add(f.File, !f.isDir)
		}
	}
	s.add(s.find(path.Join(home, "NAMESPACE")))
	description, ok := s.find(path.Join(home, "DESCRIPTION"))
	if !ok {
		return
	}
	text, err := content{s, description}.text()
	if err != nil {
		return
	}
	libraries := append([]string{path.Dir(home)}, rLibraries...)
	for _, name := range dependencies(text) {
		for _, library := range libraries {
			if mark, ok := s.find(path.Join(library, name, packageMark)); ok {
				s.add(mark, true)
				break
			}
		}
	}
}
