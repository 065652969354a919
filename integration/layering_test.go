// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/spryd/spry/"

// The import table in ARCHITECTURE.md is what the compiler sees: each package
// stands in it and imports only what its row allows. Test-only packages
// (named xxxtest) and internal packages follow the package they belong to.
func TestImportTable(t *testing.T) {
	allowed := importTable(t)
	for _, p := range packages(t) {
		name := room(strings.TrimPrefix(p.ImportPath, module))
		if strings.HasPrefix(name, "integration") || isTestPackage(p.ImportPath) {
			continue
		}
		rules, ok := allowed[name]
		if !ok {
			t.Errorf("package %s is not in the table", name)
			continue
		}
		for _, imp := range p.Imports {
			if imp == "testing" {
				t.Errorf("%s imports testing: product code never does", p.ImportPath)
			}
			ours, ok := strings.CutPrefix(imp, module)
			if !ok || room(ours) == name || strings.HasPrefix(ours, name+"/internal/") {
				continue
			}
			if !matches(rules, room(ours)) {
				t.Errorf("%s imports %s: its row allows %v", name, ours, rules)
			}
		}
	}
}

// room is the package of the table that an import path belongs to.
func room(importPath string) string {
	before, _, _ := strings.Cut(importPath, "/internal/")
	return before
}

func isTestPackage(importPath string) bool {
	return strings.HasSuffix(path.Base(importPath), "test") || strings.Contains(importPath, "test/")
}

func matches(rules []string, name string) bool {
	for _, r := range rules {
		if ok, err := path.Match(r, name); err == nil && ok {
			return true
		}
	}
	return false
}

// importTable reads the rows between the layering marks.
func importTable(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(tools.Root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "<!-- layering")
	text, _, ok2 := strings.Cut(rest, "<!-- /layering -->")
	if !ok || !ok2 {
		t.Fatal("ARCHITECTURE.md has no layering table")
	}
	out := map[string][]string{}
	for _, line := range strings.Split(text, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], "-") || strings.TrimSpace(cells[1]) == "package" {
			continue
		}
		name := strings.TrimSpace(cells[1])
		if _, err := os.Stat(filepath.Join(tools.Root, name)); err != nil {
			t.Errorf("the table names %s, which is not there", name)
		}
		out[name] = strings.Fields(cells[3])
	}
	return out
}

// listed is a package as "go list" prints it.
type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = tools.Root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
