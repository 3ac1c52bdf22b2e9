(function(){
"use strict";
var lost=document.getElementById("lost"),button=document.getElementById("check"),said=document.getElementById("said");
var source=null,timer=0,last=0,verdict="",POLL=5000;
function keep(old,now){
  old.querySelectorAll("details[open]").forEach(function(one){
    var same=now.querySelector("#"+CSS.escape(one.id));
    if(same){same.open=true;}
  });
  old.querySelectorAll(".wide").forEach(function(one){
    if(one.scrollLeft){scrolled.push([one.id,one.scrollLeft]);}
  });
}
var scrolled=[];
function path(from,to){
  var steps=[];
  for(;to&&to!==from;to=to.parentNode){steps.unshift(Array.prototype.indexOf.call(to.parentNode.children,to));}
  return steps;
}
function walk(from,steps){
  return steps.reduce(function(at,step){return at&&at.children[step];},from);
}
function show(page){
  var now=page.getElementById("now"),old=document.getElementById("now"),focus=document.activeElement;
  if(old.innerHTML===now.innerHTML&&old.className===now.className){return;}
  var steps=old.contains(focus)?path(old,focus):null;
  scrolled=[];
  keep(old,now);
  now=document.importNode(now,true);
  old.replaceWith(now);
  scrolled.forEach(function(one){
    var same=document.getElementById(one[0]);
    if(same){same.scrollLeft=one[1];}
  });
  if(steps){
    var same=walk(now,steps);
    if(same&&same.focus){same.focus({preventScroll:true});}
  }
}
function fresh(){
  last=Date.now();
  fetch("/",{cache:"no-store"}).then(function(answer){
    if(!answer.ok){throw new Error(String(answer.status));}
    return answer.text();
  }).then(function(text){
    var page=new DOMParser().parseFromString(text,"text/html");
    show(page);
    document.title=page.title;
    document.getElementById("icon").href=page.getElementById("icon").href;
    lost.hidden=true;
  }).catch(function(){lost.hidden=false;document.getElementById("now").className="stale";});
}
function listen(){
  if(!window.EventSource||source){return;}
  source=new EventSource("/api/v1/events");
  source.addEventListener("status",function(event){
    var said=JSON.parse(event.data).verdict;
    if((verdict&&said!==verdict)||Date.now()-last>=POLL){fresh();}
    verdict=said;
  });
  source.onerror=function(){
    if(source.readyState===EventSource.CLOSED){source=null;}
  };
}
function tick(){
  var wait=source&&source.readyState===EventSource.OPEN?3*POLL:POLL;
  if(Date.now()-last>=wait-250){fresh();}
}
function wake(){
  if(document.hidden){
    clearInterval(timer);timer=0;
    if(source){source.close();source=null;}
    return;
  }
  if(!timer){
    timer=setInterval(tick,POLL);
    if(last){fresh();}
    last=last||Date.now();
    listen();
  }
}
document.addEventListener("visibilitychange",wake);
wake();
if(button){
  button.hidden=false;
  button.addEventListener("click",function(){
    button.disabled=true;
    fetch("/api/v1/check",{method:"POST",headers:{"X-Requested-With":"page"}}).then(function(answer){
      return answer.text();
    }).then(function(text){said.textContent=text;}).catch(function(){said.textContent="The box did not answer.";})
    .finally(function(){button.disabled=false;});
  });
}
})();
