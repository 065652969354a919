// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"encoding/binary"
	"errors"
	"slices"
)

const (
	// pycHeader is what compiled Python has before its code, in bytes. It begins
	// with a number of the version: those of 3.8 are from version38 on, those of
	// 3.11, whose code objects have another shape, from version311 on, and those of
	// Python 2 from version2 on.
	pycHeader                       = 16
	version38, version311, version2 = 3400, 3450, 20000
	// maxNesting bounds how deep objects may lie in each other.
	maxNesting = 200
	// maxRefs bounds how many objects are kept because later ones may refer to
	// them. The largest modules of the standard library have some thousands.
	maxRefs = 1 << 17
	// flagRef marks an object that later ones may refer to.
	flagRef = 0x80
)

// How many fields of a code object are numbers of 4 bytes, before all others;
// objects behind its names and before its first line; and tables behind that.
const (
	numbersOld, behindOld, tablesOld = 6, 5, 1 // varnames to name; line table
	numbersNew, behindNew, tablesNew = 5, 5, 2 // localsplusnames to qualname; line and exception tables
)

var errMarshal = errors.New("not compiled Python, or of another version")

// isCompiled says whether a file that begins with head is compiled Python.
func isCompiled(head []byte) bool {
	if len(head) < pycHeader || head[2] != '\r' || head[3] != '\n' {
		return false
	}
	version := binary.LittleEndian.Uint16(head)
	return version >= version38 && version < version2
}

// compiledNames are the modules that a compiled module imports outside of its
// functions and classes, and the names that it imports from them. Of versions
// whose instructions are not known they are all names that its code uses there.
// They are parts of compiled.
func compiledNames(compiled string) ([]string, error) {
	head := []byte(compiled[:min(len(compiled), pycHeader)])
	if !isCompiled(head) {
		return nil, errMarshal
	}
	version := binary.LittleEndian.Uint16(head)
	m := marshal{rest: compiled[pycHeader:], old: version < version311}
	kind, ok := m.byte()
	if !ok || kind&^flagRef != 'c' {
		return nil, errMarshal
	}
	m.ref(kind)
	c, ok := m.code()
	if !ok {
		return nil, errMarshal
	}
	if b := bytecodeOf(version); b != nil {
		return b.imports(c.instructions, c.names), nil
	}
	return slices.DeleteFunc(c.names, func(name string) bool { return name == "" }), nil
}

// code is what is kept of a code object.
type code struct {
	instructions string
	names        []string // by number, at most maxImports
}

// value is what is kept of an object: a string, or the strings in a sequence.
type value struct {
	text   string
	isText bool
	texts  []string
}

// marshal reads the objects of compiled Python, as CPython's marshal.c writes
// them. What is cut off, too deep or has too many references is not ok.
type marshal struct {
	rest string
	old  bool // before 3.11
	refs []value
	deep int
}

// ref keeps a place for an object of that kind if later ones may refer to it,
// and returns that, or -1.
func (m *marshal) ref(kind byte) (at int) {
	if kind&flagRef == 0 {
		return -1
	}
	m.refs = append(m.refs, value{})
	return len(m.refs) - 1
}

// object reads one object.
func (m *marshal) object() (o value, ok bool) {
	kind, ok := m.byte()
	if !ok {
		return o, false
	}
	if m.deep++; m.deep > maxNesting {
		return o, false
	}
	defer func() { m.deep-- }()
	at := m.ref(kind)
	if at >= maxRefs {
		return o, false
	}
	if o, ok = m.body(kind &^ flagRef); ok && at >= 0 {
		m.refs[at] = o
	}
	return o, ok
}

// body reads an object behind its kind.
func (m *marshal) body(kind byte) (o value, ok bool) {
	var n int
	switch kind {
	case '0', 'N', 'F', 'T', 'S', '.': // null, None, False, True, StopIteration, Ellipsis
		return o, true
	case 'i': // int
		_, ok = m.take(4)
	case 'g': // float
		_, ok = m.take(8)
	case 'y': // complex
		_, ok = m.take(16)
	case 'l':
		ok = m.long()
	case 's', 't', 'u', 'a', 'A': // bytes, and strings
		if n, ok = m.count(); ok {
			o.isText = true
			o.text, ok = m.take(n)
		}
	case 'z', 'Z': // short strings
		if n, ok = m.small(); ok {
			o.isText = true
			o.text, ok = m.take(n)
		}
	case ')': // small tuple
		if n, ok = m.small(); ok {
			o.texts, ok = m.objects(n)
		}
	case '(', '[', '<', '>': // tuple, list, sets
		if n, ok = m.count(); ok {
			o.texts, ok = m.objects(n)
		}
	case ':': // slice
		_, ok = m.objects(3)
	case 'c':
		_, ok = m.code()
	case 'r': // the object of that number again
		if n, ok = m.count(); ok && n < len(m.refs) {
			return m.refs[n], true
		}
		return o, false
	}
	return o, ok
}

// code reads the fields of a code object.
func (m *marshal) code() (c code, ok bool) {
	numbers, behind, tables := numbersNew, behindNew, tablesNew
	if m.old {
		numbers, behind, tables = numbersOld, behindOld, tablesOld
	}
	if _, ok = m.take(4 * numbers); !ok {
		return c, false
	}
	instructions, ok := m.object()
	if !ok {
		return c, false
	}
	if _, ok = m.object(); !ok { // constants
		return c, false
	}
	names, ok := m.object()
	if !ok {
		return c, false
	}
	if _, ok = m.objects(behind); !ok {
		return c, false
	}
	if _, ok = m.take(4); !ok { // first line
		return c, false
	}
	_, ok = m.objects(tables)
	return code{instructions.text, names.texts}, ok
}

// objects reads n objects and returns those that are strings. It allocates for
// what is there, not for n.
func (m *marshal) objects(n int) (texts []string, ok bool) {
	for range n {
		o, ok := m.object()
		if !ok {
			return nil, false
		}
		if o.isText && len(texts) < maxImports {
			texts = append(texts, o.text)
		}
	}
	return texts, true
}

// long reads an integer of any size: the number of its digits, negative if it
// is, and these, which have 15 bits.
func (m *marshal) long() bool {
	b, ok := m.take(4)
	if !ok {
		return false
	}
	digits := int(int32(binary.LittleEndian.Uint32([]byte(b))))
	_, ok = m.take(2 * max(digits, -digits))
	return ok
}

func (m *marshal) byte() (byte, bool) {
	b, ok := m.take(1)
	if !ok {
		return 0, false
	}
	return b[0], true
}

// small reads a count of one byte.
func (m *marshal) small() (int, bool) {
	b, ok := m.byte()
	return int(b), ok
}

// count reads a count of four bytes.
func (m *marshal) count() (int, bool) {
	b, ok := m.take(4)
	if !ok {
		return 0, false
	}
	n := int32(binary.LittleEndian.Uint32([]byte(b)))
	return int(n), n >= 0
}

func (m *marshal) take(n int) (string, bool) {
	if n > len(m.rest) {
		return "", false
	}
	var b string
	b, m.rest = m.rest[:n], m.rest[n:]
	return b, true
}
