// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	// packageMark is read first of an R package that is loaded; its name is
	// packageFile.
	packageMark = "Meta/" + packageFile
	packageFile = "package.rds"
	// maxDependencies is how many packages are looked for that one needs, and
	// maxPackage the length of a name of one in bytes.
	maxDependencies = 256
	maxPackage      = 255
)

// rlang has scripts that load packages.
var rlang = &language{interpreter: "Rscript", suffixes: []string{".R", ".r"}}

var (
	// rHomes are where R is, and rFiles what starting it reads there, a program that
	// a script runs among them.
	rHomes = []string{"/usr/lib/R", "/usr/local/lib/R", "/usr/lib64/R"}
	rFiles = []string{"bin/R", "bin/exec/R", "etc/ldpaths", "etc/Renviron", "etc/Rprofile.site", "library/base/R/Rprofile"}
	// rBoot are the packages that it loads before a script.
	rBoot = []string{"base", "methods", "datasets", "utils", "grDevices", "graphics", "stats"}
	// rLoaded names a package that a script loads.
	rLoaded = regexp.MustCompile(`\b(?:library|require|requireNamespace|loadNamespace)\s*\(\s*["']?([A-Za-z][\w.]*)|\b([A-Za-z][\w.]*):::?`)
)

// rLibraries are where R packages are.
var rLibraries = []string{"/usr/local/lib/R/site-library", "/usr/lib/R/site-library", "/usr/lib/R/library", "/usr/local/lib/R/library", "/usr/lib64/R/library"}

// isRPackage says whether a file is the mark of an R package.
func isRPackage(name string) bool { return strings.HasSuffix(name, "/"+packageMark) }

// isR says whether an ELF file is R, or what starts it.
func isR(name string) bool {
	base := path.Base(name)
	return base == "Rscript" || base == "R" || base == "libR.so"
}

// attached are the packages that a package's DESCRIPTION says are loaded with it
// when a program asks for it by name, R itself among them, up to
// maxDependencies.
func attached(description string) (names []string) {
	in := false
	for line := range strings.Lines(description) {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			var field string
			field, line, _ = strings.Cut(line, ":")
			in = field == "Depends"
		}
		if !in {
			continue
		}
		for part := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(part, "(")
			names = appendPackage(names, name)
		}
	}
	return names
}

// comment and directive are what is read of a NAMESPACE: the kind of a directive
// and its arguments, of which the last may be cut off.
var (
	comment   = regexp.MustCompile(`#[^\n]*`)
	directive = regexp.MustCompile(`(?:^|[^\w.])import(From|ClassesFrom|MethodsFrom)?\s*\(([^)]*)`)
)

// imported are the packages that a package's NAMESPACE says are loaded with it, up
// to maxDependencies. What DESCRIPTION says it imports is more: it may be used
// by its full name only, later.
func imported(namespace string) (names []string) {
	namespace = comment.ReplaceAllString(namespace, "")
	for len(names) < maxDependencies {
		at := directive.FindStringSubmatchIndex(namespace)
		if at == nil {
			break
		}
		list := namespace[at[4]:at[5]]
		if at[2] >= 0 { // from one package
			list, _, _ = strings.Cut(list, ",")
		}
		for part := range strings.SplitSeq(list, ",") {
			names = appendPackage(names, part)
		}
		namespace = namespace[at[1]:]
	}
	return names
}

// appendPackage appends what may be the name of a package, with quotes and space
// around it, unless names has it.
func appendPackage(names []string, name string) []string {
	name = strings.Trim(name, " \t\r\n\"'`")
	if len(names) >= maxDependencies || name == "" || len(name) > maxPackage || strings.ContainsAny(name, "/=#( \n") || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// addRPackage adds what is read when the package with mark f is loaded, and the
// packages that it needs.
func (s *start) addRPackage(f File) {
	home := path.Dir(path.Dir(f.Path))
	for _, dir := range []string{"R", "Meta"} {
		for _, f := range s.list(path.Join(home, dir), maxFiles) {
			s.add(f.File, f.isFile)
		}
	}
	// What others a package has beside its own library it loads when it needs them.
	if !s.addFirst(path.Join(home, "libs", path.Base(home)+".so")) {
		for _, f := range s.list(path.Join(home, "libs"), maxFiles) {
			s.add(f.File, f.isFile)
		}
	}
	needed := append(s.packagesIn(path.Join(home, "NAMESPACE"), imported), s.packagesIn(path.Join(home, "DESCRIPTION"), attached)...)
	s.addRPackages(needed, append([]string{path.Dir(home)}, rLibraries...))
}

// addRPackages adds packages from the first of libraries that has them.
func (s *start) addRPackages(names, libraries []string) {
	for _, name := range names {
		for _, library := range libraries {
			if s.addFirst(path.Join(library, name, packageMark)) {
				break
			}
		}
	}
}

// addRBoot adds what R reads before a script.
func (s *start) addRBoot() {
	for _, home := range rHomes {
		for _, name := range rFiles {
			s.addFirst(path.Join(home, name))
		}
	}
	s.addRPackages(rBoot, rLibraries)
}

// rNames are the packages that an R script loads.
func rNames(text string) (names []string) {
	for _, match := range rLoaded.FindAllStringSubmatch(comment.ReplaceAllString(text, ""), maxDependencies) {
		names = appendPackage(names, match[1]+match[2])
	}
	return names
}

// packagesIn are those that a file names.
func (s *start) packagesIn(name string, parse func(string) []string) []string {
	f, ok := s.find(name)
	if !ok {
		return nil
	}
	text, err := content{s, f}.text()
	if err != nil {
		return nil
	}
	return parse(text)
}
