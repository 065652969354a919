// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	magic38  = 3413
	magic311 = 3495
)

// count is n as marshal has it.
func count(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func marshalText(s string) string { return string([]byte{'z', byte(len(s))}) + s }

func marshalTuple(objects ...string) string {
	return "(" + count(len(objects)) + strings.Join(objects, "")
}

// marshalCode is a code object with names and constants in the shape of a
// version.
func marshalCode(magic int, names string, constants ...string) string {
	numbers, behind, tables := 5, []string{marshalTuple(), "s" + count(0), marshalText("f.py"), marshalText("f"), marshalText("f")}, []string{"s" + count(0), "s" + count(0)}
	if magic < version311 {
		numbers, tables = 6, tables[:1]
		behind = []string{marshalTuple(), marshalTuple(), marshalTuple(), marshalText("f.py"), marshalText("f")}
	}
	return "c" + strings.Repeat(count(0), numbers) + "s" + count(2) + "ab" + marshalTuple(constants...) + names +
		strings.Join(behind, "") + count(1) + strings.Join(tables, "")
}

// pyc is a compiled module.
func pyc(magic int, code string) string {
	return string(binary.LittleEndian.AppendUint16(nil, uint16(magic))) + "\r\n" + strings.Repeat("\x00", pycHeader-4) + code
}

// compiled is a compiled module that uses names.
func compiled(names ...string) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = marshalText(name)
	}
	return pyc(magic311, marshalCode(magic311, marshalTuple(texts...)))
}

func TestCompiledNames(t *testing.T) {
	for _, magic := range []int{magic38, magic311} {
		names := marshalTuple("\xda\x02os", marshalText("os.path"), marshalText(""), "r"+count(1))
		all := []string{"0", "N", "F", "T", "S", ".", "i" + count(-1), "g12345678", "y1234567812345678", "l" + count(-2) + "1234", "s" + count(3) + "abc",
			"u" + count(1) + "a", "a" + count(1) + "b", "A" + count(1) + "c", "t" + count(1) + "d", "Z\x01e", ")\x01N", "[" + count(1) + "N",
			"<" + count(0), ">" + count(0), ":NNN", "\xe9" + count(7), "r" + count(0), marshalCode(magic, marshalTuple(marshalText("inner")))}
		got, err := compiledNames(pyc(magic, marshalCode(magic, names, all...)))
		if err != nil || !slices.Equal(got, []string{"os", "os.path", "os"}) { // without those of the function
			t.Errorf("%d: %q, %v", magic, got, err)
		}
	}
	// The names may be a tuple that was a constant before.
	shared := "\xa9\x01" + marshalText("shared")
	if got, err := compiledNames(pyc(magic311, marshalCode(magic311, "r"+count(0), shared))); err != nil || !slices.Equal(got, []string{"shared"}) {
		t.Errorf("shared names: %q, %v", got, err)
	}
}

func TestHostileCompiled(t *testing.T) {
	good := pyc(magic311, marshalCode(magic311, marshalTuple(marshalText("os")), "N"))
	for end := range len(good) {
		if names, err := compiledNames(good[:end]); err == nil {
			t.Errorf("cut at %d: %q", end, names)
		}
	}
	code := func(names string, constants ...string) string {
		return pyc(magic311, marshalCode(magic311, names, constants...))
	}
	for name, b := range map[string]string{
		"2^31 objects":          code("(" + count(1<<31-1)),
		"negative count":        code("(" + count(-1)),
		"deep tuples":           code(strings.Repeat(")\x01", 1<<20)),
		"deep lists":            code(strings.Repeat("["+count(1), 1<<20)),
		"long string":           code("s" + count(1<<31-1)),
		"long integer":          code(marshalTuple(), "l"+count(-1<<31)),
		"reference to nothing":  code("r" + count(1000)),
		"negative reference":    code("r" + count(-1)),
		"unknown kind":          code("?"),
		"too many references":   code(marshalTuple(), "("+count(maxRefs+1)+strings.Repeat("\xce", maxRefs+1)),
		"no code":               pyc(magic311, "N"),
		"Python 2":              pyc(62211, marshalCode(magic38, marshalTuple())),
		"Python 3.7":            pyc(3394, marshalCode(magic38, marshalTuple())),
		"the shape of another":  pyc(magic38, marshalCode(magic311, marshalTuple(marshalText("os")))),
		"nothing":               "",
		"source with the magic": "\xa7\x0d\r\nimport os and more\n",
	} {
		if names, err := compiledNames(b); err == nil {
			t.Errorf("%s: %d names", name, len(names))
		}
	}
	// Each of many objects refers to all before: nothing may grow by that.
	var b strings.Builder
	for i := range 1000 {
		b.WriteString("\xa8" + count(i+1) + strings.Repeat("r"+count(i), i+1))
	}
	if _, err := compiledNames(code(marshalTuple(), "("+count(1000)+b.String())); err != nil {
		t.Error(err)
	}
}

// source has imports in all shapes that both readers know.
const source = `"""Text."""
from __future__ import annotations
import os, sys as system
import xml.dom.minidom
from . import sibling
from .. import (uncle,  # not (this
    aunt as a,
)
from .near import thing, \
    other
# a comment ends no block
try:
    import fast
# nor this
except ImportError:
	from slow import fast
def function():
    import inner
class Class:
    from inner2 import x
if True: import oneline
`

// TestSourceCompiled compares what is read of source and of what Python makes
// of it.
func TestSourceCompiled(t *testing.T) {
	want := []string{"__future__", "annotations", "os", "sys", "xml.dom.minidom", "sibling", "uncle", "aunt", "near", "thing", "other", "fast", "slow", "fast"}
	if got := sourceNames(strings.Replace(source, "\\\n   ", "", 1)); !slices.Equal(got, want) {
		t.Errorf("of the source: %q\nwant %q", got, want)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to compile with: ", err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "m.py"), filepath.Join(dir, "m.pyc")
	if err := os.WriteFile(in, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	compile := "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2], doraise=True)"
	if b, err := exec.CommandContext(t.Context(), python, "-c", compile, in, out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !isCompiled(b) {
		t.Skip("python3 is older than 3.8")
	}
	names, err := compiledNames(string(b))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(want, "oneline") {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not among %q", name, names)
		}
	}
	for _, name := range []string{"inner", "inner2"} {
		if slices.Contains(names, name) {
			t.Errorf("%s is among %q", name, names)
		}
	}
}
