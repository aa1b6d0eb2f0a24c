// Package powertest takes the power from a file system, for the tests of what
// must outlive that.
package powertest
