// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// objectAddress is where objects are loaded.
const objectAddress = 0x400000

// object makes an ELF file that is linked as l says: headers, dynamic
// section, strings, in this order, and then padding bytes. The first of
// l.written are its relocations, the second the segment that is written to.
func object(l linkage, padding int) []byte {
	const headers = 64 + 4*56
	var table bytes.Buffer
	table.WriteByte(0)
	put := func(s string) uint64 {
		defer table.WriteString(s + "\x00")
		return uint64(table.Len())
	}
	var dyn []elf.Dyn64
	for _, s := range l.needed {
		dyn = append(dyn, elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: put(s)})
	}
	if len(l.search) > 0 {
		dyn = append(dyn, elf.Dyn64{Tag: int64(elf.DT_RUNPATH), Val: put(strings.Join(l.search, ":"))})
	}
	if len(l.written) > 0 {
		dyn = append(dyn, elf.Dyn64{Tag: int64(elf.DT_RELA), Val: objectAddress + uint64(l.written[0].off)}, elf.Dyn64{Tag: int64(elf.DT_RELASZ), Val: uint64(l.written[0].n)})
	}
	interpreter := put(l.interpreter)
	dynBytes := uint64(16 * (len(dyn) + 2))
	strtab := headers + dynBytes
	dyn = append(dyn, elf.Dyn64{Tag: int64(elf.DT_STRTAB), Val: objectAddress + strtab}, elf.Dyn64{})
	size := strtab + uint64(table.Len())
	head := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(l.machine), Phoff: 64, Phentsize: 56, Phnum: 4}
	copy(head.Ident[:], elf.ELFMAG)
	head.Ident[elf.EI_CLASS], head.Ident[elf.EI_DATA] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB)
	progs := []elf.Prog64{
		{Type: uint32(elf.PT_LOAD), Vaddr: objectAddress, Filesz: size + uint64(padding)},
		{Type: uint32(elf.PT_DYNAMIC), Off: headers, Filesz: dynBytes},
		{Type: uint32(elf.PT_NULL)},
		{Type: uint32(elf.PT_NULL)},
	}
	if len(l.written) > 1 {
		progs[3] = elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Off: uint64(l.written[1].off), Vaddr: objectAddress << 8, Filesz: uint64(l.written[1].n)}
	}
	if l.interpreter != "" {
		progs[2] = elf.Prog64{Type: uint32(elf.PT_INTERP), Off: strtab + interpreter}
	}
	var out bytes.Buffer
	for _, v := range []any{head, progs, dyn} {
		_ = binary.Write(&out, binary.LittleEndian, v) // cannot fail
	}
	out.Write(table.Bytes())
	out.Write(make([]byte, padding))
	return out.Bytes()
}

func TestLinkage(t *testing.T) {
	want := linkage{machine: elf.EM_AARCH64, interpreter: "/lib/ld.so", needed: []string{"liba.so.1", "libb.so"}, search: []string{"$ORIGIN/x", "/y"}}
	got, err := readLinkage(bytes.NewReader(object(want, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if got.machine != want.machine || got.interpreter != want.interpreter || !slices.Equal(got.needed, want.needed) || !slices.Equal(got.search, want.search) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestLinkageOfThisHost compares with the standard library.
func TestLinkageOfThisHost(t *testing.T) {
	names, err := filepath.Glob("/usr/bin/*")
	if err != nil {
		t.Fatal(err)
	}
	dynamic := 0
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		want, err := elf.NewFile(f)
		if err == nil && want.Class == elf.ELFCLASS64 {
			libs, _ := want.ImportedLibraries()
			got, err := readLinkage(f)
			if err != nil || !slices.Equal(got.needed, libs) || got.machine != want.Machine {
				t.Errorf("%s: %+v, %v, want %v", name, got, err, libs)
			}
			if len(libs) > 0 {
				dynamic++
			}
		}
		_ = f.Close()
	}
	if dynamic < 10 {
		t.Errorf("only %d of %d programs are linked dynamically", dynamic, len(names))
	}
}

func TestNoLinkage(t *testing.T) {
	good := object(linkage{needed: []string{"a"}}, 0)
	change := func(at int, b byte) []byte {
		c := slices.Clone(good)
		c[at] = b
		return c
	}
	for name, b := range map[string][]byte{
		"empty": nil, "script": []byte("#!/bin/sh\n"), "cut in the header": good[:50], "cut in the segments": good[:100],
		"cut in the dynamic section": good[:300], "32 bits": change(4, 1), "big endian": change(5, 2),
		"too many segments": change(57, 200), "a dynamic section of 16 MB": change(64+56+32+3, 1),
	} {
		if l, err := readLinkage(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

// dynamicObject is an ELF file with a dynamic section of 64 KiB, which as many
// headers as there may be describe, full of one entry. What it names is at the offset
// of a string, zeros follow up to size.
func dynamicObject(tag elf.DynTag, text string, size int) []byte {
	const table, section = 64 + maxHeaders*56, 1 << 14
	head := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Phoff: 64, Phentsize: 56, Phnum: maxHeaders}
	copy(head.Ident[:], elf.ELFMAG)
	head.Ident[elf.EI_CLASS], head.Ident[elf.EI_DATA] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB)
	progs := slices.Repeat([]elf.Prog64{{Type: uint32(elf.PT_DYNAMIC), Off: section, Filesz: maxDynamic}}, maxHeaders)
	progs[0] = elf.Prog64{Type: uint32(elf.PT_LOAD), Filesz: uint64(size)}
	dyn := slices.Repeat([]elf.Dyn64{{Tag: int64(tag), Val: 1}}, maxDynamic/16)
	dyn[0], dyn[1] = elf.Dyn64{Tag: int64(elf.DT_STRTAB), Val: table}, elf.Dyn64{Tag: int64(elf.DT_RELA), Val: uint64(size) - 1}
	var out bytes.Buffer
	for _, v := range []any{head, progs} {
		_ = binary.Write(&out, binary.LittleEndian, v) // cannot fail
	}
	out.WriteString("\x00" + text + "\x00")
	out.Write(make([]byte, section-out.Len()))
	_ = binary.Write(&out, binary.LittleEndian, dyn)
	return append(out.Bytes(), make([]byte, max(size-out.Len(), 0))...)
}

// countingReader counts reads.
type countingReader struct {
	bytes.Reader
	reads int
}

func (r *countingReader) ReadAt(p []byte, off int64) (int, error) {
	r.reads++
	return r.Reader.ReadAt(p, off)
}

// TestLinkageIsBounded: what is fetched and looked for of a file does not grow with
// how often it says so.
func TestLinkageIsBounded(t *testing.T) {
	for _, tag := range []elf.DynTag{elf.DT_RELASZ, elf.DT_NEEDED, elf.DT_RUNPATH} {
		r := &countingReader{Reader: *bytes.NewReader(dynamicObject(tag, strings.Repeat("$ORIGIN", 9), 1<<18))}
		l, err := readLinkage(r)
		if err != nil {
			t.Fatal(err)
		}
		n := map[elf.DynTag]int{elf.DT_RELASZ: len(l.written), elf.DT_NEEDED: len(l.needed), elf.DT_RUNPATH: len(l.search)}
		want := map[elf.DynTag]int{elf.DT_RELASZ: maxHeaders, elf.DT_NEEDED: maxNeeded, elf.DT_RUNPATH: maxNeeded}[tag]
		if n[tag] != want || r.reads > 3+want {
			t.Errorf("%v: %d, want %d; %d reads", tag, n[tag], want, r.reads)
		}
	}
	// Only the first dynamic section is one.
	b := object(linkage{needed: []string{"a"}}, 0)
	copy(b[64+2*56:], b[64+56:64+2*56])
	if l, err := readLinkage(bytes.NewReader(b)); err != nil || !slices.Equal(l.needed, []string{"a"}) {
		t.Errorf("%+v, %v", l, err)
	}
}

// TestSearched: a directory stands for $ORIGIN, but not where no path can be so long.
func TestSearched(t *testing.T) {
	l := linkage{machine: elf.EM_X86_64, search: []string{"$ORIGIN/a", "${ORIGIN}/$ORIGIN", "/b", strings.Repeat("$ORIGIN", 146)}}
	long := "/" + strings.Repeat("o", 4000)
	for origin, want := range map[string][]string{
		"/o": {"/o/a", "/o//o", "/b", strings.Repeat("/o", 146), "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib", "/o"},
		long: {long + "/a", "/b", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib", long},
	} {
		if got := l.searched(origin); !slices.Equal(got, want) {
			t.Errorf("%.9s: %.99q", origin, got)
		}
	}
}

// FuzzLinkage: files of an image are whatever somebody put there.
func FuzzLinkage(f *testing.F) {
	f.Add(object(linkage{machine: elf.EM_X86_64, interpreter: "/i", needed: []string{"a", "b"}, search: []string{"/c"}}, 10))
	f.Add(dynamicObject(elf.DT_RELASZ, "", 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := readLinkage(bytes.NewReader(b))
		if err == nil && (len(l.needed) > maxNeeded || len(l.search) > maxNeeded || len(l.written) > maxHeaders || len(l.interpreter) > len(b)) {
			t.Errorf("%d libraries, %d directories, %d parts of %d bytes", len(l.needed), len(l.search), len(l.written), len(b))
		}
	})
}
