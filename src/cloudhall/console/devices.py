"""What a person calls the program behind a session: `Firefox, Windows`. A guess from what it says of itself."""

# In this order: Edge says Chrome too, and Chrome says Safari.
PROGRAMS = {
    "Edg/": "Edge",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "cloudhall-cli": "cloudhall",
    "curl/": "curl",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "HarmonyOS": "HarmonyOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
LENGTH_MAX = 40


def named(agent: str) -> str:
    """Program and system of a User-Agent header; the beginning of one that says neither."""
    found = [next((name for mark, name in table.items() if mark in agent), "") for table in (PROGRAMS, SYSTEMS)]
    return ", ".join(filter(None, found)) or agent[:LENGTH_MAX]
