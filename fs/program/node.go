// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

const (
	nodeModules = "node_modules"
	nodePackage = "package.json"
)

var node = &language{interpreter: "node", suffixes: []string{".js", ".cjs", ".mjs"}}

// nodePackages are the directories of packages of distributions; those of a
// program are beside it.
var nodePackages = &places{[]string{"/usr/local/lib/node_modules", "/usr/share/nodejs", "/usr/lib/node_modules", "/usr/lib/nodejs"}}

// nodeCore are modules that are in the interpreter, whatever packages have their
// names.
var nodeCore = strings.Fields(`assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events
	fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl stream string_decoder sys timers tls
	trace_events tty url util v8 vm wasi worker_threads zlib`)

// nodeNames are what the lines at the top of a file require or import.
func nodeNames(text string) (names []string) {
	for line := range strings.Lines(text) {
		if _, ok := cutIndented(line, ""); !ok {
			continue
		}
		for _, before := range []string{"require(", "from", "import"} {
			for rest := line; len(names) < maxNames; {
				var ok bool
				if _, rest, ok = strings.Cut(rest, before); !ok {
					break
				}
				if name, ok := quoted(strings.TrimLeft(rest, " \t")); ok {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// addNode adds the files that f requires.
func (s *start) addNode(f File, text string) {
	dir := path.Dir(f.Path)
	for _, name := range nodeNames(text) {
		switch {
		case s.over():
			return
		case strings.HasPrefix(name, "node:"):
		case strings.HasPrefix(name, "/"):
			s.addNodeFile(name)
		case strings.HasPrefix(name, "."):
			s.addNodeFile(path.Join(dir, name))
		default:
			s.addPackage(dir, name)
		}
	}
}

// nodeBoot are packages that Debian's interpreter reads before a program.
var nodeBoot = []string{"cjs-module-lexer/lexer.js", "cjs-module-lexer/dist/lexer.js", "undici/undici-fetch.js", "acorn/dist/acorn.js", "acorn-walk/dist/walk.js"}

// addNodeBoot adds what the interpreter reads.
func (s *start) addNodeBoot() {
	for _, root := range s.among(nodePackages) {
		for _, name := range nodeBoot {
			s.addFirst(path.Join(root, name))
		}
	}
}

// addPackage adds what name is for a file in directory dir: a package, or a file
// in one.
func (s *start) addPackage(dir, name string) {
	parts := strings.SplitN(name, "/", 3)
	if slices.Contains(nodeCore, parts[0]) {
		return
	}
	n := 1
	if strings.HasPrefix(name, "@") {
		n = 2
	}
	if len(parts) < n {
		return
	}
	pkg, inside := path.Join(parts[:n]...), path.Join(parts[n:]...)
	var homes []string
	for ; ; dir = path.Dir(dir) {
		if path.Base(dir) != nodeModules {
			homes = append(homes, path.Join(dir, nodeModules))
		}
		if dir == "/" || len(homes) >= maxRoots {
			break
		}
	}
	for _, home := range append(homes, s.among(nodePackages)...) {
		home = path.Join(home, pkg)
		described := s.addFirst(path.Join(home, nodePackage))
		if inside != "" && s.addNodeFile(path.Join(home, inside)) || inside == "" && (described || s.addNodeFile(home)) {
			return // with what describes it its main file comes
		}
	}
}

// addNodeFile adds what a require of a path loads.
func (s *start) addNodeFile(name string) bool {
	return s.addFirst(name, name+".js", name+".json", name+".node", name+".cjs", name+".mjs", path.Join(name, nodePackage), path.Join(name, "index.js"))
}

// addMain adds the main file of the package that f describes.
func (s *start) addMain(c content) {
	text, err := c.text()
	if err != nil {
		return
	}
	var p struct {
		Main    string
		Exports json.RawMessage
	}
	if json.Unmarshal([]byte(text), &p) != nil {
		return
	}
	dir := path.Dir(c.f.Path)
	for _, name := range []string{exported(p.Exports, maxConditions), p.Main} {
		if name != "" && len(name) <= maxPath {
			s.addMainFile(path.Join(dir, path.Join("/", name)))
			return
		}
	}
	s.addMainFile(path.Join(dir, "index"))
}

// addMainFile is addNodeFile without what describes a package.
func (s *start) addMainFile(name string) {
	s.addFirst(name, name+".js", name+".json", name+".node", path.Join(name, "index.js"))
}

// maxConditions is how deep conditions of exports are followed.
const maxConditions = 8

// exported is the file that a package exports as itself to a require, or "".
func exported(exports json.RawMessage, depth int) string {
	var name string
	if json.Unmarshal(exports, &name) == nil {
		return name
	}
	var by map[string]json.RawMessage
	if depth == 0 || json.Unmarshal(exports, &by) != nil {
		return ""
	}
	for _, key := range []string{".", "node", "require", "default", "import"} {
		if inner, ok := by[key]; ok {
			if name := exported(inner, depth-1); name != "" {
				return name
			}
		}
	}
	return ""
}
