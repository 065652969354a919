// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"math"
	"strings"
)

// bytecode are the numbers of the instructions of a Python version that its
// imports are found by. Instructions have two bytes, the second of which is an
// argument.
type bytecode struct {
	from uint16 // first of the version's numbers in the header of a file

	loadName, loadAttr, importName, importFrom, jumpIfFalse, extendedArg byte

	attrShift int // of the number of a name in the argument of loadAttr
	jumpUnit  int // bytes
	absolute  bool
}

// Versions of Python, the newest first: 3.14 and later, which are not known, 3.13,
// 3.12, 3.11, 3.10, and 3.8 with 3.9 (CPython's opcode.py and opcode_ids.h).
var bytecodes = []bytecode{
	{from: 3600},
	{from: 3550, loadName: 92, loadAttr: 82, importName: 75, importFrom: 74, jumpIfFalse: 97, extendedArg: 71, attrShift: 1, jumpUnit: 2},
	{from: 3500, loadName: 101, loadAttr: 106, importName: 108, importFrom: 109, jumpIfFalse: 114, extendedArg: 144, attrShift: 1, jumpUnit: 2},
	{from: version311, loadName: 101, loadAttr: 106, importName: 108, importFrom: 109, jumpIfFalse: 114, extendedArg: 144, jumpUnit: 2},
	{from: 3430, loadName: 101, loadAttr: 106, importName: 108, importFrom: 109, jumpIfFalse: 114, extendedArg: 144, jumpUnit: 2, absolute: true},
	{from: version38, loadName: 101, loadAttr: 106, importName: 108, importFrom: 109, jumpIfFalse: 114, extendedArg: 144, jumpUnit: 1, absolute: true},
}

// Names that are false in a module which another one imports, and how many
// instructions behind one of them the jump over the block that depends on it may
// be: a comparison with a constant comes between.
const (
	typeChecking = "TYPE_CHECKING"
	ownName      = "__name__"
	conditionLen = 5
)

// bytecodeOf is that of the files with a number in their header; nil if it is
// not known.
func bytecodeOf(version uint16) *bytecode {
	for i := range bytecodes {
		if b := &bytecodes[i]; version >= b.from {
			if b.importName == 0 {
				return nil
			}
			return b
		}
	}
	return nil
}

// imports are the modules that code imports and the names that it imports from
// them, in their order, up to maxImports. What code does for type checkers or as a
// program is left out.
func (b *bytecode) imports(code string, names []string) (list []string) {
	arg, condition := 0, 0 // condition is how many instructions it may still have
	for i := 0; i+1 < len(code) && len(list) < maxImports; i += 2 {
		op := code[i]
		if arg = arg<<8 | int(code[i+1]); arg > math.MaxInt32 {
			return list
		}
		if op == b.extendedArg {
			continue
		}
		at := arg
		if op == b.loadAttr {
			at >>= b.attrShift
		}
		name := ""
		if at < len(names) {
			name = names[at]
		}
		switch {
		case op == b.importName || op == b.importFrom:
			if name != "" {
				list = append(list, name)
			}
		case op == b.loadName && (name == typeChecking || name == ownName), op == b.loadAttr && name == typeChecking:
			condition = conditionLen
		case op == b.jumpIfFalse && condition > 0:
			i, condition = b.target(i, arg), 0
		}
		if op != 0 { // an instruction's cache
			condition--
		}
		arg = 0
	}
	return list
}

// target is where a jump at i leads, two bytes before that; i if that is not
// forward.
func (b *bytecode) target(i, arg int) int {
	to := arg * b.jumpUnit
	if !b.absolute {
		to += i + 2
	}
	return max(i, to&^1-2)
}

// leftOut says whether the block of an if statement with that condition is
// left out when another module imports this one.
func leftOut(condition string) bool {
	return condition == typeChecking || strings.HasSuffix(condition, "."+typeChecking) && !strings.Contains(condition, " ") ||
		strings.HasPrefix(condition, ownName+" ==")
}
