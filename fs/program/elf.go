// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxHeaders, maxDynamic and maxName bound what is read of an ELF file:
	// program headers, as many parts that are written to, bytes of the dynamic
	// section, and of one string.
	maxHeaders = 64
	maxDynamic = 64 << 10
	maxName    = 1 << 10
	// maxNeeded is how many libraries of one file are looked for, and in how many
	// directories that it names.
	maxNeeded = 128
	// maxExecutable is the size in bytes up to which an executable is fetched whole:
	// the kernel reads so far around each page of one that little is left out.
	maxExecutable = 24 << 20
	// maxPart bounds each part in bytes that is fetched of a larger file, and
	// largeHead is how much of its beginning.
	maxPart   = 4 << 20
	largeHead = 1 << 20
)

// loaderDirs are where the loaders of glibc and musl look; triple stands for the
// directory of an architecture, as Debian has it.
var loaderDirs = []string{"/lib/triple", "/usr/lib/triple", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"}

// triples are the names of such directories.
var triples = map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu"}

// errELF is of files that the loader would not load either.
var errELF = errors.New("not an ELF file of 64 bits, little endian")

// linkage is what an ELF file says of how it is linked.
type linkage struct {
	machine     elf.Machine
	interpreter string
	needed      []string // names of libraries, or paths
	search      []string // directories, in which $ORIGIN may stand
	executable  bool
	written     []part // segments that are written to, and relocations
}

// part is bytes [off, off+n) of a file.
type part struct{ off, n int64 }

// loaded is what is read of the file, of size bytes, when it is loaded.
func (l linkage) loaded(size int64) []part {
	if l.executable && size <= maxExecutable {
		return []part{{0, size}}
	}
	parts := []part{{0, min(size, largeHead)}}
	for _, p := range l.written {
		if p.off >= 0 && p.off < size {
			parts = append(parts, part{p.off, min(p.n, maxPart, size-p.off)})
		}
	}
	return parts
}

// searched are the directories where a file in directory origin looks for its
// libraries. What is too long for a path is left out.
func (l linkage) searched(origin string) (dirs []string) {
	replacer := strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin)
	for _, dir := range l.search {
		if len(dir)+strings.Count(dir, "ORIGIN")*len(origin) <= maxPath {
			dirs = append(dirs, replacer.Replace(dir))
		}
	}
	for _, dir := range loaderDirs {
		dirs = append(dirs, strings.ReplaceAll(dir, "triple", triples[l.machine]))
	}
	return append(dirs, origin)
}

// readLinkage reads the linkage of an ELF file: 64 bits, little endian, as are
// all platforms that Spry runs on. It reads headers and the dynamic section
// only.
func readLinkage(r io.ReaderAt) (linkage, error) {
	var head elf.Header64
	if err := readStruct(r, 0, &head); err != nil {
		return linkage{}, err
	}
	if string(head.Ident[:4]) != elf.ELFMAG || head.Ident[elf.EI_CLASS] != byte(elf.ELFCLASS64) ||
		head.Ident[elf.EI_DATA] != byte(elf.ELFDATA2LSB) || head.Phnum > maxHeaders {
		return linkage{}, errELF
	}
	l := linkage{machine: elf.Machine(head.Machine), executable: elf.Type(head.Type) == elf.ET_EXEC}
	progs := make([]elf.Prog64, head.Phnum)
	if err := readStruct(r, head.Phoff, progs); err != nil {
		return linkage{}, err
	}
	dynamic := false
	for _, p := range progs {
		var err error
		switch elf.ProgType(p.Type) {
		case elf.PT_INTERP:
			l.executable = true
			l.interpreter, err = readString(r, p.Off)
		case elf.PT_LOAD:
			if elf.ProgFlag(p.Flags)&elf.PF_W != 0 {
				l.write(p.Off, p.Filesz)
			}
		case elf.PT_DYNAMIC:
			if !dynamic { // there is one in a file that was linked
				dynamic = true
				err = l.readDynamic(r, p, progs)
			}
		}
		if err != nil {
			return linkage{}, fmt.Errorf("segment at %d: %w", p.Off, err)
		}
	}
	return l, nil
}

// readDynamic reads the dynamic section that p describes.
func (l *linkage) readDynamic(r io.ReaderAt, p elf.Prog64, progs []elf.Prog64) error {
	if p.Filesz > maxDynamic {
		return fmt.Errorf("dynamic section of %d bytes", p.Filesz)
	}
	entries := make([]elf.Dyn64, p.Filesz/16)
	if err := readStruct(r, p.Off, entries); err != nil {
		return err
	}
	strings, ok := uint64(0), false
	relocations, found := uint64(0), false
	for _, e := range entries {
		switch elf.DynTag(e.Tag) {
		case elf.DT_STRTAB:
			strings, ok = fileOffset(progs, e.Val)
		case elf.DT_RELA:
			relocations, found = fileOffset(progs, e.Val)
		}
	}
	for _, e := range entries {
		tag := elf.DynTag(e.Tag)
		if tag == elf.DT_NULL || !ok {
			break
		}
		if tag == elf.DT_RELASZ && found {
			l.write(relocations, e.Val)
		}
		if !l.takes(tag) {
			continue
		}
		s, err := readString(r, strings+e.Val)
		if err != nil {
			return err
		}
		l.add(tag, s)
	}
	return nil
}

// write notes n bytes at off, both of which a file names.
func (l *linkage) write(off, n uint64) {
	if len(l.written) < maxHeaders {
		l.written = append(l.written, part{int64(min(off, 1<<62)), int64(min(n, maxPart))})
	}
}

// takes says whether there is place for an entry of the dynamic section.
func (l *linkage) takes(tag elf.DynTag) bool {
	switch tag {
	case elf.DT_NEEDED:
		return len(l.needed) < maxNeeded
	case elf.DT_RUNPATH, elf.DT_RPATH:
		return len(l.search) < maxNeeded
	}
	return false
}

// add notes the string of an entry that l takes.
func (l *linkage) add(tag elf.DynTag, s string) {
	if tag == elf.DT_NEEDED {
		l.needed = append(l.needed, s)
		return
	}
	l.search = append(l.search, strings.Split(s, ":")...)
	l.search = l.search[:min(len(l.search), maxNeeded)]
}

// fileOffset is where in the file a virtual address is loaded from.
func fileOffset(progs []elf.Prog64, address uint64) (uint64, bool) {
	for _, p := range progs {
		if elf.ProgType(p.Type) == elf.PT_LOAD && address >= p.Vaddr && address-p.Vaddr < p.Filesz {
			return address - p.Vaddr + p.Off, true
		}
	}
	return 0, false
}

// readStruct fills v, a pointer to a struct or a number, or a slice of structs.
func readStruct(r io.ReaderAt, off uint64, v any) error {
	b := make([]byte, binary.Size(v))
	if len(b) == 0 {
		return nil
	}
	if err := readFull(r, b, off); err != nil {
		return err
	}
	_, err := binary.Decode(b, binary.LittleEndian, v)
	return err
}

// readString reads a string that a zero byte ends.
func readString(r io.ReaderAt, off uint64) (string, error) {
	b := make([]byte, 64)
	for {
		n, err := r.ReadAt(b, int64(min(off, 1<<62)))
		if i := bytes.IndexByte(b[:n], 0); i >= 0 {
			return string(b[:i]), nil
		}
		if err != nil {
			return "", err
		}
		if len(b) >= maxName {
			return "", fmt.Errorf("string at %d: longer than %d bytes", off, maxName)
		}
		b = make([]byte, 4*len(b))
	}
}

// readFull fills b from off.
func readFull(r io.ReaderAt, b []byte, off uint64) error {
	n, err := r.ReadAt(b, int64(min(off, 1<<62)))
	if n == len(b) {
		return nil
	}
	return err
}
