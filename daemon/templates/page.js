(function(){
"use strict";
var lost=document.getElementById("lost"),button=document.getElementById("check"),said=document.getElementById("said");
function fresh(){
  fetch("/",{cache:"no-store"}).then(function(answer){
    if(!answer.ok){throw new Error(String(answer.status));}
    return answer.text();
  }).then(function(text){
    var page=new DOMParser().parseFromString(text,"text/html"),now=page.getElementById("now"),old=document.getElementById("now");
    var kept=open(old);
    now.querySelectorAll("details").forEach(function(one,place){one.open=kept.indexOf(place)>=0;});
    if(old.innerHTML!==now.innerHTML||old.className!==now.className){old.replaceWith(now);}
    document.title=page.title;
    document.getElementById("icon").href=page.getElementById("icon").href;
    lost.hidden=true;
  }).catch(function(){lost.hidden=false;document.getElementById("now").className="stale";});
}
function open(page){
  var kept=[];
  page.querySelectorAll("details").forEach(function(one,place){if(one.open){kept.push(place);}});
  return kept;
}
var source=null,timer=null;
function listen(){
  if(document.hidden||source){return;}
  fresh();
  timer=setInterval(fresh,window.EventSource?30000:5000);
  if(window.EventSource){
    source=new EventSource("/api/v1/events");
    source.addEventListener("status",fresh);
    source.onerror=fresh;
  }else{source={close:function(){}};}
}
function rest(){
  if(source){source.close();source=null;}
  clearInterval(timer);
}
document.addEventListener("visibilitychange",function(){if(document.hidden){rest();}else{listen();}});
listen();
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
