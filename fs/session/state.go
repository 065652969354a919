// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// stateHeader is the size of what comes before the table of a state.
	stateHeader = 8192
	// maxRecord is how long the record may be.
	maxRecord = aboveOffset - 12
	// aboveOffset is where the mount is that shows a session of MountOptions.Above.
	aboveOffset = stateHeader - 8
	// stateMagic begins a state; it changes with the layout.
	stateMagic = "SPRYFS01"
	// maxNodes bounds the table, as other processes wrote the state.
	maxNodes = 1 << 26
)

// record is the fixed part of a state, JSON so that versions understand each
// other.
type record struct {
	// Identity names what is served: node ids mean the same in every process
	// that serves it. See MountOptions.
	Identity   string
	Mountpoint string
	// MountID is of the kernel; Major and Minor are the device of the mount.
	MountID      uint64
	Major, Minor uint32
	// Init is the INIT request, and Flags what was agreed on.
	Init  []byte
	Flags uint64
	// Above is true if the session is shown by a mount that is not its own.
	Above bool
	// NoOpen is true if OPEN is answered with ENOSYS: for good, since the
	// kernel asks once.
	NoOpen bool
	// Nodes is the length of the table.
	Nodes int
}

// state is what a successor needs of a session besides its descriptor: a
// record and the table of open files. It is memory shared by whoever has the
// descriptor, so it is as it was when the process was killed, and goes when
// nobody has it any more.
//
//	0     stateMagic
//	8     length of the record, 4 bytes
//	12    the record
//	8184  see mountID
//	8192  the table: 8 bytes a node, see opens
type state struct {
	record
	file  *os.File
	mem   []byte
	above atomic.Uint64 // what mem has at aboveOffset, also when it is unmapped
}

// newState makes a state.
func newState(r record) (*state, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if len(b) > maxRecord || r.Nodes < 0 || r.Nodes > maxNodes {
		return nil, fmt.Errorf("session state: record of %d bytes, %d nodes", len(b), r.Nodes)
	}
	fd, err := unix.MemfdCreate("spry-session", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("session state: %w", err)
	}
	s := &state{record: r, file: os.NewFile(uintptr(fd), "session state")}
	if err := s.allocate(); err != nil {
		_ = s.file.Close()
		return nil, fmt.Errorf("session state: %w", err)
	}
	copy(s.mem, stateMagic)
	binary.NativeEndian.PutUint32(s.mem[8:], uint32(len(b)))
	copy(s.mem[12:], b)
	return s, nil
}

// allocate gives the file its size for good, and maps it.
func (s *state) allocate() error {
	fd := int(s.file.Fd())
	if err := unix.Ftruncate(fd, s.size()); err != nil {
		return err
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return err
	}
	return s.mapFile()
}

func (s *state) size() int64 { return stateHeader + 8*int64(s.Nodes) }

func (s *state) mapFile() (err error) {
	s.mem, err = unix.Mmap(int(s.file.Fd()), 0, int(s.size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return err
}

// openState reads what newState wrote; on success it owns f.
func openState(f *os.File) (*state, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, fmt.Errorf("session state: %w", err)
	}
	var head [stateHeader]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("session state of %d bytes: %w", st.Size, err)
	}
	n := binary.NativeEndian.Uint32(head[8:])
	if string(head[:8]) != stateMagic || n > maxRecord {
		return nil, fmt.Errorf("session state: not of this layout: %.8q", head[:8])
	}
	s := &state{file: f}
	if err := json.Unmarshal(head[12:12+n], &s.record); err != nil {
		return nil, fmt.Errorf("session state: %w", err)
	}
	if s.Nodes < 0 || s.Nodes > maxNodes || st.Size != s.size() || len(s.Init) < inHeaderBytes {
		return nil, fmt.Errorf("session state: %d bytes for %d nodes, INIT of %d bytes", st.Size, s.Nodes, len(s.Init))
	}
	if err := s.mapFile(); err != nil {
		return nil, fmt.Errorf("session state: %w", err)
	}
	s.above.Store(binary.NativeEndian.Uint64(head[aboveOffset:]))
	return s, nil
}

// mountID is of the mount that shows the session.
func (s *state) mountID() uint64 {
	if !s.Above {
		return s.MountID
	}
	return s.above.Load()
}

// setAbove notes the mount that shows the session. One word, so that no SIGKILL can come in
// between.
func (s *state) setAbove(mountID uint64) {
	s.above.Store(mountID)
	(*atomic.Uint64)(unsafe.Pointer(&s.mem[aboveOffset])).Store(mountID)
}

// opens is the entry of a node in the table, or nil.
func (s *state) opens(node uint64) *atomic.Uint64 {
	if s == nil || node >= uint64(s.Nodes) {
		return nil
	}
	return (*atomic.Uint64)(unsafe.Pointer(&s.mem[stateHeader+8*node]))
}

// close unmaps the state; it lives on where others have it.
func (s *state) close() {
	if s == nil {
		return
	}
	_ = unix.Munmap(s.mem)
	_ = s.file.Close()
}
