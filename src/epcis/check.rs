//! Rules of the standard that schemas miss.
