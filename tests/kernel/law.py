"""The kernel's own rules and the calendar that follows from them, for tests."""

from cloudhall.kernel import calendar
from cloudhall.kernel.rule_files import KERNEL_RULES, tables_in
from cloudhall.kernel.rules import Book

BOOK = Book(tables_in(KERNEL_RULES))
CALENDAR = calendar.of(BOOK)
