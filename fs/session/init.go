// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	// initTimeout bounds the wait for INIT, which mount(2) has queued.
	initTimeout = 10 * time.Second
	// maxWrite is the smallest that the kernel takes; nothing is written.
	maxWrite = 4096
	// maxBackground is how many readahead requests the kernel keeps in
	// flight on one mount. A limit here would let blocked readahead stop
	// that of other files, so it is far above what is usual.
	maxBackground = 1024
	// congestion is from when on the kernel leaves out readahead that nobody
	// waits for.
	congestion = 96
)

// protocolOptions is what is negotiated in INIT.
//
// FUSE_EXPLICIT_INVAL_DATA rather than FUSE_AUTO_INVAL_DATA: files never
// change. FUSE_PASSTHROUGH and FUSE_ALLOW_IDMAP are among go-fuse's
// defaults or switched by name; stack depth 1 leaves room for the overlay.
//
// A mount with passthrough counts as one level of stacked file systems, of
// which the kernel allows two: so it is left out where it is not used.
func (s *Session) protocolOptions() *fuse.MountOptions {
	with := uint64(fuse.CAP_HAS_RESEND | fuse.CAP_READDIRPLUS_AUTO | fuse.CAP_NO_OPENDIR_SUPPORT)
	if s.above {
		with |= fuse.CAP_ASYNC_DIO // what is read ahead there keeps nobody waiting
	}
	var without uint64
	if s.backing == nil {
		without = fuse.CAP_PASSTHROUGH
	}
	return &fuse.MountOptions{
		DisabledCapabilities:     without,
		Name:                     "spry",
		MaxWrite:                 MaxRead, // go-fuse derives max_pages from it
		MaxBackground:            maxBackground,
		CongestionThreshold:      congestion,
		MaxStackDepth:            1,
		EnableSymlinkCaching:     true,
		ExplicitDataCacheControl: true,
		IDMappedMount:            true,
		ExtraCapabilities:        with,
		PanicHandler:             s.raw.panicked,
		Logger:                   log.New(protocolLog{s}, "", 0),
	}
}

// handshake reads INIT, keeps it in r and answers it.
func (s *Session) handshake(r *record) error {
	req := make([]byte, requestBytes)
	n, err := s.readInit(req)
	if err != nil {
		return fmt.Errorf("read INIT: %w", err)
	}
	r.Init = bytes.Clone(req[:n])
	out := make([]byte, replySlack)
	m, st := s.call(req[:n], out)
	if !st.Ok() || m <= maxWriteOffset+4 {
		return fmt.Errorf("INIT of %d bytes refused: %v", n, st)
	}
	// The kernel wants every request buffer to hold the largest write; with
	// the smallest write they are 8 KiB instead of 1 MiB.
	binary.NativeEndian.PutUint32(out[maxWriteOffset:], maxWrite)
	r.Flags = initFlags(out[:m])
	if _, err := unix.Write(s.fd, out[:m]); err != nil {
		return fmt.Errorf("answer INIT: %w", err)
	}
	return nil
}

// readInit waits for the first request.
func (s *Session) readInit(req []byte) (int, error) {
	for deadline := time.Now().Add(initTimeout); ; {
		n, err := unix.Read(s.fd, req)
		if err == nil && n < inHeaderBytes {
			return 0, fmt.Errorf("request of %d bytes", n)
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return n, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		pfd := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(pfd, int(left.Milliseconds())+1); err != nil && !errors.Is(err, unix.EINTR) {
			return 0, fmt.Errorf("poll: %w", err)
		}
	}
}

// SetReadAhead sets the readahead of the mount in bytes, best effort: sysfs may
// not be there or not be writable.
func (s *Session) SetReadAhead(want int) {
	path := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", s.state.Major, s.state.Minor)
	if err := os.WriteFile(path, []byte(strconv.Itoa(want>>10)), 0); err != nil {
		s.log().WithError(err).Debug("readahead stays at the kernel's default")
	}
}
