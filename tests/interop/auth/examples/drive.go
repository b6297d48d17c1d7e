package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Reads tokens, and seconds by which the clock of the keys goes on; see test_token_examples.py.
func main() {
	var late time.Duration
	keys := NewPublicKeys(os.Args[3])
	keys.Now = func() time.Time { return time.Now().Add(late) }
	verifier := NewTokenVerifier(os.Args[1], os.Args[2], keys)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "+") {
			n, _ := strconv.Atoi(lines.Text())
			late += time.Duration(n) * time.Second
			continue
		}
		claims, err := verifier.Verify(lines.Text())
		switch {
		case errors.Is(err, ErrKeysUnavailable):
			fmt.Println("unavailable")
		case err != nil:
			fmt.Printf("refused %v\n", err)
		default:
			fmt.Printf("valid %s\n", claims.Subject)
		}
	}
}
