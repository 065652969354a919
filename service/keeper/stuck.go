// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A server that is killed while one of its threads waits for an answer of its
// own mounts cannot die: the kernel waits for that answer, which nobody is left
// to give, and the successor starts when the server is dead. Servers avoid such
// requests (package fs/session); this is for the one that was overlooked. The
// keeper then gives the dead thread an error, which nobody sees. It answers
// nothing else: what it has read is sent again to the successor.

// stuckPause is between two looks at a server: it has to be found dead twice,
// as one that is about to be gone is not.
const stuckPause = 500 * time.Millisecond

// Of include/uapi/linux/fuse.h, /proc/PID/stat and devices.txt.
const (
	requestBytes  = 1<<20 + 4096 // more than any session's largest request
	headerBytes   = 40
	replyBytes    = 16
	notifyResend  = 7
	opInterrupt   = 36
	exiting       = 0x4    // PF_EXITING, in the flags of a thread
	killed        = 1 << 8 // SIGKILL, in its pending signals
	fuseMajor     = 10
	fuseMinor     = 229
	statState     = 0 // fields behind the name
	statFlags     = 6
	statSignals   = 28
	statLastField = statSignals
)

// undead are the threads of a process of which none will ever run again
// outside of the kernel, though it has not ended: nil if there may be one.
func undead(pid int) map[uint32]bool {
	if !deadThread(fmt.Sprintf("/proc/%d/stat", pid)) {
		return nil // the usual case costs one file
	}
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	threads := make(map[uint32]bool, len(tasks))
	for _, task := range tasks {
		tid, err := strconv.ParseUint(task.Name(), 10, 32)
		if err != nil || !deadThread(dir+"/"+task.Name()+"/stat") {
			return nil
		}
		threads[uint32(tid)] = true
	}
	return threads
}

// deadThread says whether a thread is a zombie, or waits in the kernel and ends
// when it has what it waits for.
func deadThread(stat string) bool {
	b, err := os.ReadFile(stat)
	if err != nil {
		return false
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) <= statLastField {
		return false
	}
	flags, err1 := strconv.ParseUint(string(fields[statFlags]), 10, 64)
	signals, err2 := strconv.ParseUint(string(fields[statSignals]), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return false
	}
	switch string(fields[statState]) {
	case "Z", "X":
		return true
	case "D":
		return flags&exiting != 0 || signals&killed != 0
	default:
		return false
	}
}

// free gives an error to what threads wait for in the session of device.
// Requests of others are left unanswered.
func free(device *os.File, threads map[uint32]bool) error {
	fds, err := descriptors([]*os.File{device})
	if err != nil {
		return err
	}
	fd := fds[0]
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Rdev != unix.Mkdev(fuseMajor, fuseMinor) {
		return nil // something else is kept
	}
	if _, err := unix.Write(fd, reply(notifyResend, 0)); err != nil {
		return fmt.Errorf("resend: %w", err)
	}
	request := make([]byte, requestBytes)
	for readable(fd) {
		n, err := unix.Read(fd, request)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) { // given up meanwhile
			continue
		}
		if err != nil || n < headerBytes {
			return err
		}
		if opcode := binary.NativeEndian.Uint32(request[4:]); opcode == opInterrupt || !threads[binary.NativeEndian.Uint32(request[32:])] {
			continue
		}
		unique := binary.NativeEndian.Uint64(request[8:])
		minus := -int32(unix.EINTR)
		if _, err := unix.Write(fd, reply(uint32(minus), unique)); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return nil
}

// readable says whether a read of fd would not wait.
func readable(fd int) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n == 1 && poll[0].Revents == unix.POLLIN
}

// reply is a header without a body: an answer, or for unique 0 a notification.
func reply(code uint32, unique uint64) []byte {
	b := make([]byte, replyBytes)
	binary.NativeEndian.PutUint32(b, replyBytes)
	binary.NativeEndian.PutUint32(b[4:], code)
	binary.NativeEndian.PutUint64(b[8:], unique)
	return b
}
