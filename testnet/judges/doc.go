// Package judges runs foreign implementations over what this project issues
// and says: its Node programs are in this folder. For tests only.
package judges
