// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keychain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

const (
	// notFound is what helpers print when they have nothing
	// (docker-credential-helpers, credentials/error.go).
	notFound = "credentials not found"
	// tokenUser is the user name that marks an identity token.
	tokenUser = "<token>"
	// maxOutput bounds what a helper prints, in bytes.
	maxOutput = 1 << 20
)

// helperName is what may follow docker-credential-.
var helperName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// helper is the NAME of docker-credential-NAME.
type helper string

// get asks the helper for a server; nothing there is a zero login.
func (h helper) get(ctx context.Context, server string) (login, error) {
	if !helperName.MatchString(string(h)) {
		return login{}, fmt.Errorf("credential helper %.40q: not a name", string(h))
	}
	program := "docker-credential-" + string(h)
	var out bounded
	cmd := exec.CommandContext(ctx, program, "get")
	cmd.Stdin = strings.NewReader(server)
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if strings.Contains(strings.ToLower(out.buf.String()), notFound) {
			return login{}, nil
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return login{}, fmt.Errorf("%s: %w", program, err)
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(out.buf.Bytes(), &answer); err != nil {
		return login{}, fmt.Errorf("%s: answer is no JSON", program)
	}
	if answer.Username == tokenUser {
		answer.Username = ""
	}
	return login{user: answer.Username, secret: answer.Secret}, nil
}

// bounded is a buffer that takes maxOutput bytes.
type bounded struct{ buf bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > maxOutput {
		return 0, errors.New("too much output")
	}
	return b.buf.Write(p)
}
