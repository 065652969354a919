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
	magicNew = 3700 // of a version whose instructions are not known
)

// count is n as marshal has it.
func count(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func marshalText(s string) string { return string([]byte{'z', byte(len(s))}) + s }

func marshalTuple(objects ...string) string {
	return "(" + count(len(objects)) + strings.Join(objects, "")
}

// marshalCode is a code object with names and constants in the shape of a
// version, which imports the first four of the names.
func marshalCode(magic int, names string, constants ...string) string {
	b := bytecodeOf(uint16(magic))
	if b == nil {
		return marshalWith(magic, "", names, constants...)
	}
	return marshalWith(magic, instructions(b.importName, 0, b.importFrom, 1, b.importFrom, 2, b.importFrom, 3, b.importName, 9), names, constants...)
}

// instructions are numbers and arguments.
func instructions(b ...byte) string { return string(b) }

// marshalWith is marshalCode with instructions.
func marshalWith(magic int, instructions, names string, constants ...string) string {
	numbers, behind, tables := 5, []string{marshalTuple(), "s" + count(0), marshalText("f.py"), marshalText("f"), marshalText("f")}, []string{"s" + count(0), "s" + count(0)}
	if magic < version311 {
		numbers, tables = 6, tables[:1]
		behind = []string{marshalTuple(), marshalTuple(), marshalTuple(), marshalText("f.py"), marshalText("f")}
	}
	return "c" + strings.Repeat(count(0), numbers) + "s" + count(len(instructions)) + instructions + marshalTuple(constants...) + names +
		strings.Join(behind, "") + count(1) + strings.Join(tables, "")
}

// pyc is a compiled module.
func pyc(magic int, code string) string {
	return string(binary.LittleEndian.AppendUint16(nil, uint16(magic))) + "\r\n" + strings.Repeat("\x00", pycHeader-4) + code
}

// compiled is a compiled module that imports the first four of names.
func compiled(names ...string) string { return compiledAs(magic311, names...) }

// compiledAs is a compiled module of a version that uses names.
func compiledAs(magic int, names ...string) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = marshalText(name)
	}
	return pyc(magic, marshalCode(magic, marshalTuple(texts...)))
}

func TestCompiledNames(t *testing.T) {
	for _, magic := range []int{magic38, magic311, magicNew} {
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

// TestBytecode reads the instructions of each version: what is imported, but not
// for type checkers or as a program.
func TestBytecode(t *testing.T) {
	names := marshalTuple(marshalText("os"), marshalText("path"), marshalText(typeChecking), marshalText("typing"), marshalText(ownName), marshalText("types"), marshalText("sys"), marshalText(""))
	const constant = 1 // no instruction that matters
	for _, magic := range []int{3413, 3425, 3439, 3495, 3531, 3571} {
		b := bytecodeOf(uint16(magic))
		jump := func(at, to int) byte { // from the instruction at one number to another
			if !b.absolute {
				to -= at + 1
			}
			return byte(to * 2 / b.jumpUnit)
		}
		attr := byte(2) << b.attrShift
		for name, c := range map[string]struct {
			code string
			want string
		}{
			"import":           {instructions(b.importName, 0, b.importFrom, 1, b.importName, 7, b.importName, 6), "os path sys"},
			"no import":        {instructions(b.loadName, 0, b.loadAttr, 0), ""},
			"no name":          {instructions(b.importName, 200), ""},
			"far name":         {instructions(b.extendedArg, 1, b.importName, 0, b.importName, 0), "os"},
			"for types":        {instructions(b.loadName, 2, b.jumpIfFalse, jump(1, 3), b.importName, 5, b.importName, 6), "sys"},
			"typing.":          {instructions(b.loadName, 3, b.loadAttr, attr, 0, 0, 0, 0, 0, 0, 0, 0, b.jumpIfFalse, jump(6, 8), b.importName, 5, b.importName, 6), "sys"},
			"program":          {instructions(b.loadName, 4, constant, 0, constant, 0, b.jumpIfFalse, jump(3, 5), b.importName, 5, b.importName, 6), "sys"},
			"another jump":     {instructions(b.loadName, 0, b.jumpIfFalse, jump(1, 3), b.importName, 5, b.importName, 6), "types sys"},
			"condition before": {instructions(b.loadName, 2, constant, 0, constant, 0, constant, 0, constant, 0, constant, 0, b.jumpIfFalse, jump(6, 8), b.importName, 5), "types"},
			"jump to nowhere":  {instructions(b.loadName, 2, b.extendedArg, 255, b.extendedArg, 255, b.jumpIfFalse, 255, b.importName, 5), ""},
			"jump back":        {instructions(b.loadName, 2, b.jumpIfFalse, 0, b.importName, 5), "types"},
			"too many parts":   {strings.Repeat(instructions(b.extendedArg, 255), 1000) + instructions(b.importName, 5), ""},
			"half":             {instructions(b.importName, 0, b.importName), "os"},
		} {
			got, err := compiledNames(pyc(magic, marshalWith(magic, c.code, names)))
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("%d: %s: %q, %v, want %q", magic, name, got, err, c.want)
			}
		}
	}
}

func TestHostileCompiled(t *testing.T) {
	good := pyc(magic311, marshalCode(magic311, marshalTuple(marshalText("os")), "N"))
	for end := range len(good) {
		if names, err := compiledNames(good[:end]); err == nil {
			t.Errorf("cut at %d: %q", end, names)
		}
	}
	if names, err := compiledNames(good); err != nil || len(names) != 1 {
		t.Fatal(names, err)
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
if typing.TYPE_CHECKING:
    import types1
if TYPE_CHECKING:
    from types2 import y
else:
    import real
if __name__ == "__main__":
    import program
if True: import oneline
`

// TestSourceCompiled compares what is read of source and of what Python makes
// of it.
func TestSourceCompiled(t *testing.T) {
	want := []string{"__future__", "annotations", "os", "sys", "xml.dom.minidom", "sibling", "uncle", "aunt", "near", "thing", "other", "fast", "slow", "fast", "real"}
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
	for _, name := range []string{"inner", "inner2", "types1", "types2", "program"} {
		if slices.Contains(names, name) {
			t.Errorf("%s is among %q", name, names)
		}
	}
}
